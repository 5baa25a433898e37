import { setTimeout as delay } from 'node:timers/promises';

/** Asks until there is an answer. @throws with the last failure when there is none in time. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | null | false>,
  { withinMs = 60_000, everyMs = 100 } = {},
): Promise<T> {
  let failure: unknown = null;
  for (const until = Date.now() + withinMs; Date.now() < until; await delay(everyMs)) {
    try {
      const answer = await ask();
      if (answer) return answer;
    } catch (error) {
      failure = error;
    }
  }
  throw new Error(`Not seen within ${withinMs / 1000} s: ${what}.`, { cause: failure });
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('A TCP port has an address.');
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}
