import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { lingeringAnswer } from './lingering-answer.ts';
import { uploadRequest } from './upload-request.ts';

export interface HttpServer {
  readonly url: string;
  /** For what is served beside requests: websockets. */
  readonly server: Server;
  /** No new connections; waits for what runs, then cuts what is left after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export interface HttpServerOptions {
  readonly app: Pick<Hono, 'fetch'>;
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
}

/**
 * How long a connection may rest. A client that was busy for longer than this sends its next request into a
 * connection that is closed already, and cannot always tell whether it was read. Node's 5 s are within reach of one
 * large hash; what stands in front of a server lets connections rest for a minute.
 */
const KEEP_ALIVE_MS = 75_000;

/** @throws the listen error, for instance EADDRINUSE. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = createAdaptorServer({
    fetch: async (request, env) => {
      const exchange = env as HttpBindings;
      const asked = request.method === 'PUT' ? uploadRequest(request, exchange) : request;
      return lingeringAnswer(await options.app.fetch(asked, env), exchange.incoming);
    },
  }) as Server;
  // Node ends a request after 300 s by itself, in the middle of a large upload over a slow line.
  server.requestTimeout = 0;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { address, port, family } = server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `http://${host}:${port}`,
    server,
    stop: async (graceMs) => {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      // Who is served last is let go too, instead of resting until the cut.
      server.keepAliveTimeout = 1;
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(cut);
    },
  };
}
