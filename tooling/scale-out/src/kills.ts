import { setTimeout as delay } from 'node:timers/promises';
import type { Installation } from './installation.ts';

/** A seeded generator (mulberry32), so that a run can be done again. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface KillsOptions {
  readonly everyMs: number;
  readonly random: () => number;
  readonly isOver: () => boolean;
  readonly onKill: (name: string) => void;
}

/** kill -9 of a random process that is ready, again and again; each starts again at once. Resolves when all are up. */
export async function killAtRandom(installation: Installation, options: KillsOptions): Promise<void> {
  const { everyMs, random, isOver, onKill } = options;
  const { servers, workers, nats } = installation;
  const members = [...servers.map(({ member }) => member), ...workers];
  const starting = new Set<Promise<void>>();
  const failures: unknown[] = [];
  while (!isOver()) {
    await delay(everyMs);
    const ready = [...members.filter(({ isReady }) => isReady), null];
    const victim = ready[Math.floor(random() * ready.length)];
    if (victim === undefined) continue;
    onKill(victim?.name ?? 'nats-server');
    const again = victim === null ? () => nats.server.start() : () => victim.start();
    await (victim === null ? nats.server.kill() : victim.end('SIGKILL'));
    const start: Promise<void> = again()
      .catch((error: unknown) => void failures.push(error))
      .finally(() => starting.delete(start));
    starting.add(start);
  }
  await Promise.all(starting);
  if (failures.length > 0) throw failures[0];
}
