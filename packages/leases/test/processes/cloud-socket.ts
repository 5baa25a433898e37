// Carries requests to the cloud between processes: one line of JSON each, over a unix socket.
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type AskCloud, answerOf, type CloudAnswer, type CloudRequest, unpackAnswer } from './cloud-call.ts';
import type { JudgedCloud } from './judged-cloud.ts';

interface Line<Content> {
  readonly id: number;
  readonly content: Content;
}

function linesOf(socket: Socket, hear: (text: string) => void): void {
  const lines = createInterface({ input: socket }).on('line', hear);
  // Whoever is killed resets its connection; both the stream and its reader tell it.
  for (const part of [socket, lines]) part.on('error', () => {});
}

/** Answers on the socket until the server is closed. The first line of a connection names its process. */
export async function serveCloud(cloud: JudgedCloud, path: string): Promise<Server> {
  const server = createServer((socket) => {
    let caller: string | null = null;
    linesOf(socket, (text) => {
      if (caller === null) {
        caller = text;
        return;
      }
      const { id, content } = JSON.parse(text) as Line<CloudRequest>;
      const reply = (answer: CloudAnswer) => socket.write(`${JSON.stringify({ id, content: answer })}\n`);
      cloud.ask(caller, content).then(
        (value) => reply({ ok: true, value }),
        (error) => reply(answerOf(error)),
      );
    });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  return server;
}

export function askOver(path: string, caller: string): AskCloud {
  const socket: Socket = createConnection(path);
  const waiting = new Map<number, (answer: CloudAnswer) => void>();
  let sent = 0;
  socket.write(`${caller}\n`);
  linesOf(socket, (text) => {
    const { id, content } = JSON.parse(text) as Line<CloudAnswer>;
    waiting.get(id)?.(content);
    waiting.delete(id);
  });
  return async (request) => {
    sent += 1;
    const id = sent;
    const answer = new Promise<CloudAnswer>((resolve) => waiting.set(id, resolve));
    socket.write(`${JSON.stringify({ id, content: request })}\n`);
    return unpackAnswer(await answer);
  };
}
