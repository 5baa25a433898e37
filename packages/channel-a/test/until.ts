import { setTimeout as delay } from 'node:timers/promises';

/** Waits for a condition, as long as a slow machine may need, and answers what it was satisfied with. */
export async function until<T>(what: string, look: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (const endsAt = Date.now() + 30_000; Date.now() < endsAt; await delay(15)) {
    const seen = await look();
    if (seen) return seen;
  }
  throw new Error(`${what} did not come within 30 s`);
}
