/**
 * A server in a thread of its own that closes the connections that rest, as a server or a proxy does after a while,
 * while the thread of its client is too busy to notice.
 */
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';
import { CLOSED, WHOLE } from './resting-server-counts.ts';

export interface RestingServer {
  readonly url: string;
  /** Closes every connection, and keeps this thread busy until that is done. */
  readonly closeUnnoticed: () => void;
  /** How many requests arrived whole. */
  readonly whole: () => number;
}

export async function startRestingServer(): Promise<RestingServer> {
  const counts = new Int32Array(new SharedArrayBuffer(8));
  const thread = new Worker(new URL('./resting-server-thread.ts', import.meta.url), { workerData: counts });
  onTestFinished(async () => void (await thread.terminate()));
  const port = await new Promise<number>((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
  });
  return {
    url: `http://127.0.0.1:${port}`,
    closeUnnoticed: () => {
      const before = Atomics.load(counts, CLOSED);
      thread.postMessage('close');
      if (Atomics.wait(counts, CLOSED, before, 30_000) === 'timed-out')
        throw new Error('Nothing was closed.');
    },
    whole: () => Atomics.load(counts, WHOLE),
  };
}
