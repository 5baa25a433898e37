/**
 * A process that stands between a client and a server, passes everything on, and says of every exchange how it
 * differs from the OpenAPI document: `validating-proxy.ts SERVER_URL [DOCUMENT_FILE]`. Its first line is
 * `{"url"}`, then comes one line for each exchange.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createParser } from 'eventsource-parser';
import { type ApiDocument, ApiValidator, type MatchedOperation } from './api-validator.ts';

const [upstream = '', file] = process.argv.slice(2);
const document = (
  file === undefined
    ? await (await fetch(new URL('/v1/openapi.json', upstream))).json()
    : JSON.parse(await readFile(file, 'utf8'))
) as ApiDocument;
const validator = new ApiValidator(document);

const tell = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`);

const server = createServer((incoming, outgoing) => {
  const url = new URL(incoming.url ?? '/', upstream);
  const matched = validator.match(incoming.method ?? '', url.pathname);
  const violations: string[] = [];
  if (matched === undefined) violations.push(`request: there is no ${incoming.method} ${url.pathname}`);
  const passed = request(url, { method: incoming.method, headers: { ...incoming.headers, host: url.host } });
  // Who leaves in the middle of a stream ends it on both sides.
  outgoing.once('close', () => passed.destroy());
  passed.on('error', () => outgoing.destroy());
  const sent = collect(incoming);
  incoming.pipe(passed);
  passed.once('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 0, answer.rawHeaders);
    answer.on('error', () => outgoing.destroy());
    const check = checkAnswer(matched, answer, violations);
    answer.on('data', check.onChunk);
    let isTold = false;
    const end = (isWhole: boolean) => {
      if (isTold) return;
      isTold = true;
      check.onEnd(isWhole);
      if (matched && incoming.complete) {
        const type = incoming.headers['content-type'];
        violations.push(...validator.requestViolations(matched, url.searchParams, type, Buffer.concat(sent)));
      }
      tell({ operationId: matched?.operation.operationId ?? null, status: answer.statusCode, violations });
    };
    answer.once('end', () => end(true));
    answer.once('close', () => end(false));
    answer.pipe(outgoing);
  });
});

/** What is sent, as far as it is no file: those are as long as they are, and have no schema. */
function collect(incoming: IncomingMessage): readonly Buffer[] {
  const chunks: Buffer[] = [];
  const isJson = incoming.headers['content-type']?.startsWith('application/json') ?? false;
  incoming.on('data', (chunk: Buffer) => {
    if (isJson || chunks.length === 0) chunks.push(chunk);
  });
  return chunks;
}

function checkAnswer(matched: MatchedOperation | undefined, answer: IncomingMessage, violations: string[]) {
  const none = { onChunk: (_: Buffer) => {}, onEnd: (_: boolean) => {} };
  if (matched === undefined) return none;
  const declared = validator.answer(matched, answer.statusCode ?? 0, answer.headers['content-type']);
  if (typeof declared === 'string') {
    violations.push(declared);
    return none;
  }
  if (declared.type === 'text/event-stream') {
    const decoder = new TextDecoder();
    const parser = createParser({
      onEvent: ({ data }) => void violations.push(...validator.eventViolations(declared, data)),
    });
    return { ...none, onChunk: (chunk: Buffer) => void parser.feed(decoder.decode(chunk, { stream: true })) };
  }
  if (!declared.type?.endsWith('json')) return none;
  const chunks: Buffer[] = [];
  return {
    onChunk: (chunk: Buffer) => void chunks.push(chunk),
    onEnd: (isWhole: boolean) => {
      if (isWhole) violations.push(...validator.jsonViolations(declared, Buffer.concat(chunks)));
    },
  };
}

server.listen(0, '127.0.0.1', () => {
  tell({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
// Its parent is gone, or has closed our input: there is nobody left to tell.
process.stdin.resume().once('end', () => process.exit());
