/** What a worker tells of itself over HTTP, on loopback: it serves nothing else. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isSameSecret, SandboxError } from '@boxyard/sandbox-core';

export interface WorkerListenerOptions {
  /** 0 = any free one. */
  readonly port: number;
  /** Aborts when the worker is asked to end. */
  readonly draining: AbortSignal;
  /** Turns that it runs now. */
  readonly turnsRunning: () => number;
  /** In Prometheus' text format. */
  readonly renderMetrics: () => Promise<string>;
  /** Who asks for metrics has to show it; null lets everybody on this machine. */
  readonly metricsToken: string | null;
}

export interface WorkerListener extends AsyncDisposable {
  readonly url: string;
}

const HOST = '127.0.0.1';
const JSON_TYPE = 'application/json; charset=utf-8';
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** @throws SandboxError `configuration` when the port cannot be had. */
export async function startWorkerListener(options: WorkerListenerOptions): Promise<WorkerListener> {
  const server = createServer((request, response) => {
    answerTo(request, options).then(
      (answer) => send(response, request, answer),
      // What reads the metrics has told its own troubles.
      () => send(response, request, problem(500, 'The metrics could not be read. Ask again.')),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(options.port, cause)));
    server.listen(options.port, HOST, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${HOST}:${port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      // Whoever asks until the end does not hold it up.
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answerTo(request: IncomingMessage, options: WorkerListenerOptions): Promise<Answer> {
  const { pathname } = new URL(request.url ?? '/', 'http://worker');
  const route = ROUTES.get(pathname);
  if (route === undefined) return problem(404, 'A worker has /healthz and /metrics. Ask for one of them.');
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return problem(405, 'It can only be read. Use GET.');
  return route(request, options);
}

const ROUTES: ReadonlyMap<
  string,
  (request: IncomingMessage, options: WorkerListenerOptions) => Promise<Answer>
> = new Map([
  ['/healthz', health],
  ['/metrics', metrics],
]);

async function health(_: IncomingMessage, { draining, turnsRunning }: WorkerListenerOptions) {
  const status = draining.aborted ? 'draining' : 'ready';
  const body = JSON.stringify({ status, turnsRunning: turnsRunning() });
  return { status: status === 'ready' ? 200 : 503, type: JSON_TYPE, body };
}

async function metrics({ headers }: IncomingMessage, options: WorkerListenerOptions): Promise<Answer> {
  const { metricsToken, renderMetrics } = options;
  if (metricsToken !== null && !isSameSecret(headers.authorization ?? '', `Bearer ${metricsToken}`))
    return problem(401, 'The metrics need their token. Show BOXYARD_METRICS_TOKEN as a bearer.');
  return { status: 200, type: METRICS_TYPE, body: await renderMetrics() };
}

const problem = (status: number, message: string): Answer => ({
  status,
  type: JSON_TYPE,
  body: JSON.stringify({ message }),
});

function send(response: ServerResponse, { method }: IncomingMessage, { status, type, body }: Answer): void {
  const refusal = status === 401 ? { 'www-authenticate': 'Bearer' } : {};
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...refusal });
  response.end(method === 'HEAD' ? undefined : body);
}

const cannotListen = (port: number, cause: NodeJS.ErrnoException) =>
  new SandboxError(
    'configuration',
    `The worker cannot listen on port ${port} of loopback (${cause.code}). Set BOXYARD_WORKER_PORT to another one, or leave it out.`,
    { started: 'no', stage: 'worker.listen', cause },
  );
