// One life after the other, each cut off one answer later than the one before, until one is lived to its end.
import { Crash } from '@boxyard/sandbox-conformance';
import { systemClock } from '@boxyard/sandbox-core';
import { expect } from 'vitest';
import type { BoxLeases } from '../src/index.ts';
import { group, SETTINGS, type Server, type Stage } from './stage.ts';

const HOUR_MS = 3_600_000;
// Far more answers than a life takes: the run that reaches its end was not killed at all.
const MAX_ANSWERS = 200;

export type Own = ReturnType<typeof group>;

/** What a life left behind, two periods of a reaper later. */
export interface Aftermath {
  /** How many answers the process got before it was killed. */
  readonly at: number;
  readonly own: Own;
  /** How far the life came, by what it noted. */
  readonly done: ReadonlySet<string>;
  /** A server that was started since. */
  readonly next: Server;
  readonly report: Awaited<ReturnType<BoxLeases['inspect']>>;
  /** Boxes that somebody on record accounts for. */
  readonly named: readonly (string | undefined)[];
}

export interface Life {
  /** What was before, lived by a process that is not killed. */
  readonly before?: (own: Own) => Promise<void>;
  readonly live: (server: Server, own: Own, done: Set<string>) => Promise<void>;
  /** Judges, and ends the group. */
  readonly judge: (aftermath: Aftermath) => Promise<void>;
}

export const boxesOf = (stage: Stage, own: Own) =>
  [...stage.cloud.machines.values()].flatMap(({ machine, tag }) =>
    tag?.group === own.groupId ? [machine.instance] : [],
  );

export async function twoPeriods(server: Server, stage: Stage): Promise<void> {
  for (let period = 0; period < 2; period += 1) {
    await stage.advance(HOUR_MS);
    await server.reaper.tick();
  }
}

/** In the end neither a box nor a byte of any life is left. */
export async function killAtEveryAwait(stage: Stage, { before, live, judge }: Life): Promise<void> {
  let survived = false;
  let kills = 0;
  for (let at = 1; at < MAX_ANSWERS && !survived; at += 1) {
    const own = group();
    await before?.(own);
    const crash = new Crash(at);
    const doomed = stage.server({
      doomed: true,
      store: crash.port(stage.store.leases),
      ledger: crash.port(stage.store.artifacts),
      blobs: crash.port(stage.blobs),
      provider: crash.provider(stage.cloud.provider),
      clock: crash.clock(systemClock),
      settings: { ...SETTINGS, reaperConcurrency: 1 },
    });
    const done = new Set<string>();
    const work = live(doomed, own, done);
    survived = await Promise.race([work.then(() => true), crash.died.then(() => false)]);
    if (!survived) kills += 1;

    const next = stage.server();
    await twoPeriods(next, stage);
    const report = await next.leases.inspect(own.groupId);
    const named = [report?.box, ...(report?.condemned ?? []).map((box) => box.ref)].map(
      (ref) => ref?.instance,
    );
    await judge({ at, own, done, next, report, named });
    expect(boxesOf(stage, own), `killed at ${at}`).toEqual([]);
    await next.leases.close();
  }
  expect(survived).toBe(true);
  expect(kills).toBeGreaterThan(30);
  // Captures that were broken off are known by the ledger, and their bytes are gone by now.
  await stage.server().reaper.tick();
  expect([...stage.blobs.content.keys()]).toEqual([]);
}
