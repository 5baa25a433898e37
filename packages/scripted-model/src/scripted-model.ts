// A model server without a model: real HTTP, the real protocol, and a script that decides what it says.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ResponsesRequest, readRequest } from './read-request.ts';
import { ResponseInProgress } from './response-events.ts';
import type { AddressedScript, Script, ScriptedItem } from './script.ts';

export interface ScriptedModelOptions {
  /** One script for every model name, or one for each. */
  readonly script: Script | AddressedScript;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Required of every request as a Bearer token when given. */
  readonly apiKey?: string;
}

export interface ScriptedModel extends AsyncDisposable {
  /** For a client's `baseURL`, with `/v1`. */
  readonly baseUrl: string;
  /** Requests that were answered, refused or cut so far. */
  readonly requests: number;
  close(): Promise<void>;
}

/** Items that say nothing. */
type Delay = Extract<ScriptedItem, { kind: 'pause' | 'wait' }>;

const LONGEST_BODY_BYTES = 64 * 1024 ** 2;

/** Listens on loopback only. */
export async function startScriptedModel(options: ScriptedModelOptions): Promise<ScriptedModel> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    answer(request, response, options).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendError(response, 500, `The script failed: ${error instanceof Error ? error.message : error}`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const close = () => closeServer(server);
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    get requests() {
      return requests;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { script, apiKey }: ScriptedModelOptions,
): Promise<void> {
  if (apiKey !== undefined && !sameText(request.headers.authorization ?? '', `Bearer ${apiKey}`)) {
    return sendError(response, 401, 'The API key is not this server’s.');
  }
  const path = request.url?.split('?')[0];
  if (request.method !== 'POST' || path !== '/v1/responses') {
    return sendError(response, 404, `There is no ${request.method} ${path} here: only POST /v1/responses.`);
  }
  const body = await readBody(request);
  if (body === null) return sendError(response, 413, 'The request is too long.');
  const parsed = ResponsesRequest.safeParse(parseJson(body));
  if (!parsed.success) return sendError(response, 400, 'The request is no Responses request.');
  const { model, stream } = parsed.data;
  const chosen = typeof script === 'function' ? script : script[model];
  if (chosen === undefined) return sendError(response, 404, `There is no script for the model ${model}.`);

  const items = await chosen(readRequest(parsed.data));
  const [first] = items;
  if (first?.kind === 'refuse') {
    if (first.retryAfterS !== undefined) response.setHeader('Retry-After', String(first.retryAfterS));
    return sendError(response, first.status, first.message);
  }
  const spoken = new ResponseInProgress(model, body.length);
  if (stream === true) await speak(response, spoken, items);
  else await speakAtOnce(response, spoken, items);
}

async function speak(
  response: ServerResponse,
  spoken: ResponseInProgress,
  items: readonly ScriptedItem[],
): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  let sequence_number = 0;
  const send = (event: { readonly type: string }) => {
    const data = JSON.stringify({ ...event, sequence_number });
    sequence_number += 1;
    response.write(`event: ${event.type}\ndata: ${data}\n\n`);
  };
  for (const event of spoken.begin()) send(event);
  for (const item of items) {
    if (isDelay(item)) await delay(item, response);
    else if (item.kind === 'cut') return void response.destroy();
    else if (item.kind === 'stop') return void response.end();
    else if (item.kind !== 'refuse') for (const event of spoken.say(item)) send(event);
    if (response.destroyed) return;
  }
  send(spoken.end());
  response.end();
}

async function speakAtOnce(
  response: ServerResponse,
  spoken: ResponseInProgress,
  items: readonly ScriptedItem[],
): Promise<void> {
  for (const item of items) {
    if (isDelay(item)) await delay(item, response);
    else if (item.kind === 'cut') return void response.destroy();
    else if (item.kind !== 'refuse' && item.kind !== 'stop') for (const _ of spoken.say(item));
  }
  sendJson(response, 200, spoken.completed());
}

const isDelay = (item: ScriptedItem): item is Delay => item.kind === 'pause' || item.kind === 'wait';

/** Ends early when nobody listens any more. */
async function delay(item: Delay, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  const left = new Promise<void>((resolve) => gone.signal.addEventListener('abort', () => resolve()));
  const leave = () => gone.abort();
  response.once('close', leave);
  const until =
    item.kind === 'wait'
      ? item.until
      : sleep(item.ms, undefined, { signal: gone.signal }).catch(() => undefined);
  await Promise.race([until, left]);
  response.off('close', leave);
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length > LONGEST_BODY_BYTES) return null;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function sendError(response: ServerResponse, status: number, message: string): void {
  sendJson(response, status, { error: { message, type: 'scripted_model', code: null, param: null } });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

function sameText(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
