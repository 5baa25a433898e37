import { setTimeout as delay } from 'node:timers/promises';

/** Waits for a condition; says which one never came. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within 30 s: ${what}`);
    await delay(20);
  }
}
