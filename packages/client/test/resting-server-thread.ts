/** The thread of `startRestingServer`: answers every request, and closes all connections when it is told to. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { CLOSED, WHOLE } from './resting-server-counts.ts';

const counts = workerData as Int32Array;
const server = createServer(async (request, response) => {
  try {
    for await (const _ of request);
  } catch {
    return;
  }
  Atomics.add(counts, WHOLE, 1);
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}');
});
parentPort?.on('message', () => {
  server.closeAllConnections();
  Atomics.add(counts, CLOSED, 1);
  Atomics.notify(counts, CLOSED);
});
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port));
