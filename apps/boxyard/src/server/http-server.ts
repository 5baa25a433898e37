import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';

export interface HttpServer {
  readonly url: string;
  /** No new connections; waits for what runs, then cuts what is left after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export interface HttpServerOptions {
  readonly app: Pick<Hono, 'fetch'>;
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
}

/** @throws the listen error, for instance EADDRINUSE. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = createAdaptorServer({ fetch: options.app.fetch }) as Server;
  // Node ends a request after 300 s by itself, in the middle of a large upload over a slow line.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const { address, port, family } = server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `http://${host}:${port}`,
    stop: async (graceMs) => {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(cut);
    },
  };
}
