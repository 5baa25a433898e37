import { expect, test } from 'vitest';
import { closedUrl, problem, startScriptedServer } from '../test/scripted-server.ts';
import { BoxyardError, createClient } from './index.ts';

const EVENTS = { 'content-type': 'text/event-stream' };
const event = (id: string, data: object) => `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`;

test("a command's output goes on at the byte where the connection broke", async () => {
  const server = await startScriptedServer((response, _, request) => {
    switch (request) {
      case 1:
        response.writeHead(200, EVENTS);
        // The rest of a second event is cut: only whole ones count.
        response.write(`${event('2.0', { stream: 'stdout', offset: 0, chunk: 'ü' })}id: 9.9\ndata: {"str`);
        return void setImmediate(() => response.destroy());
      case 2:
        return problem(response, 503, { code: 'draining', retryable: true }, { 'retry-after': '0' });
      case 3:
        return void response
          .writeHead(200, EVENTS)
          .end(event('2.1', { stream: 'stderr', offset: 0, chunkBase64: btoa('\xc3') }));
      default:
        return void response
          .writeHead(200, EVENTS)
          .end(
            event('2.1', { exitCode: 7, signal: null, timedOut: false }) +
              event('9.9', { lost: 'never read' }),
          );
    }
  });
  const command = createClient({ url: server.url }).session('s').command('op');
  const seen: unknown[] = [];
  for await (const { stream, bytes, offset } of command.output()) seen.push([stream, [...bytes], offset]);
  expect(seen).toEqual([
    ['stdout', [0xc3, 0xbc], 0],
    ['stderr', [0xc3], 0],
    // What was left in the decoder: no bytes, but a mark in the text.
    ['stderr', [], 1],
  ]);
  expect(await command.wait()).toEqual({ exitCode: 7, signal: null, timedOut: false });
  expect(server.seen.map(({ headers }) => headers['last-event-id'])).toEqual([
    undefined,
    '2.0',
    '2.0',
    '2.1',
  ]);
});

test('a character that is cut between two pieces is whole in the text', async () => {
  const server = await startScriptedServer((response) =>
    response
      .writeHead(200, EVENTS)
      .end(
        event('1.0', { stream: 'stdout', offset: 0, chunkBase64: btoa('\xc3') }) +
          event('2.0', { stream: 'stdout', offset: 1, chunkBase64: btoa('\xbc') }) +
          event('2.0', { exitCode: 0, signal: null, timedOut: false }),
      ),
  );
  let text = '';
  for await (const piece of createClient({ url: server.url }).session('s').command('op').output())
    text += piece.text;
  expect(text).toBe('ü');
});

test('a command whose end is lost is an unknown outcome and no success', async () => {
  const server = await startScriptedServer((response) =>
    response.writeHead(200, EVENTS).end(event('0.0', { lost: 'its box is gone' })),
  );
  const waiting = createClient({ url: server.url }).session('s').command('op').wait();
  await expect(waiting).rejects.toMatchObject({ code: 'outcome-unknown', started: 'yes' });
});

test('events go on after the last that was seen, until their signal ends them', async () => {
  const server = await startScriptedServer((response, _, request) => {
    response.writeHead(200, EVENTS);
    if (request === 1) response.end(event('5', { seq: 5, type: 'session.created' }));
    else response.write(event('6', { seq: 6, type: 'session.deleted' }));
  });
  const stop = new AbortController();
  const seen: number[] = [];
  const following = (async () => {
    for await (const { seq } of createClient({ url: server.url })
      .session('s')
      .events.follow({ after: 4, signal: stop.signal })) {
      seen.push(seq);
      if (seq === 6) stop.abort();
    }
  })();
  await expect(following).rejects.toMatchObject({ code: 'cancelled' });
  expect(seen).toEqual([5, 6]);
  expect(server.seen.map(({ url, headers }) => [url.split('?')[1], headers['last-event-id']])).toEqual([
    ['after=4', undefined],
    ['after=4', '5'],
  ]);
});

test('who leaves in the middle closes the connection', async () => {
  let closed = false;
  const server = await startScriptedServer((response) => {
    response.on('close', () => {
      closed = true;
    });
    response.writeHead(200, EVENTS).write(event('1', { seq: 1 }));
  });
  for await (const _ of createClient({ url: server.url }).session('s').events.follow()) break;
  await expect.poll(() => closed, { timeout: 30_000 }).toBe(true);
});

test('a watch that was broken says that everything must be read anew', async () => {
  const server = await startScriptedServer((response, _, request) => {
    response.writeHead(200, EVENTS);
    const change = { kind: 'modified', path: `file-${request}`, isDir: false };
    if (request === 1) response.end(`data: ${JSON.stringify(change)}\n\n`);
    else response.write(`data: ${JSON.stringify(change)}\n\n`);
  });
  const seen: string[] = [];
  for await (const { kind, path } of createClient({ url: server.url }).session('s').files.changes()) {
    seen.push(`${kind} ${path}`);
    if (path === 'file-2') break;
  }
  expect(seen).toEqual(['modified file-1', 'resync ', 'modified file-2']);
});

test('a refusal ends a stream at once, and a server that stays away after its time', async () => {
  const server = await startScriptedServer((response) => problem(response, 404, { code: 'not-found' }));
  const { events } = createClient({ url: server.url }).session('s');
  await expect(events.follow().next()).rejects.toMatchObject({ code: 'not-found' });
  expect(server.seen).toHaveLength(1);

  const absent = createClient({ url: await closedUrl(), maxAttempts: 1 }).session('s');
  const waited = await absent.events
    .follow({ resumeMs: 0 })
    .next()
    .catch((error: unknown) => error);
  expect(BoxyardError.hasCode(waited, 'unreachable')).toBe(true);
});
