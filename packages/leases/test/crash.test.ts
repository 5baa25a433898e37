import { Crash } from '@boxyard/sandbox-conformance';
import { systemClock } from '@boxyard/sandbox-core';
import { describe, expect, test } from 'vitest';
import { group, open, openStage, read, SETTINGS, type Server, type Stage, write } from './stage.ts';

const HOUR_MS = 3_600_000;
// Far more answers than a whole life takes: the run that reaches its end was not killed at all.
const MAX_ANSWERS = 200;

type Own = ReturnType<typeof group>;

/** A whole life: made, worked in, drained by the reaper, deleted. Notes how far it came. */
async function live(server: Server, stage: Stage, own: Own, done: Set<string>): Promise<void> {
  const first = await open(server, stage, own);
  await write(first, 'a', 'kept');
  done.add('written');
  await first.close();
  // Lets go at once instead of after a while, so that every run has the same order.
  await server.leases.close();
  await stage.advance(HOUR_MS);
  await server.reaper.tick();
  done.add('drained');
  done.add('deleting');
  await server.leases.destroy(own);
}

const boxesOf = (stage: Stage, own: Own) =>
  [...stage.cloud.machines.values()].flatMap(({ machine, tag }) =>
    tag?.group === own.groupId ? [machine.instance] : [],
  );

async function twoPeriods(server: Server, stage: Stage): Promise<void> {
  for (let period = 0; period < 2; period += 1) {
    await stage.advance(HOUR_MS);
    await server.reaper.tick();
  }
}

describe.each([{ parks: false }, { parks: true }])(
  'a process that is killed at any await (parks: $parks)',
  ({ parks }) => {
    test('leaves no box that nobody names, and no file that was captured is lost', {
      timeout: 120_000,
    }, async () => {
      await using stage = await openStage({ parks });
      let survived = false;
      let kills = 0;
      for (let at = 1; at < MAX_ANSWERS && !survived; at += 1) {
        const own = group();
        const done = new Set<string>();
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
        const work = live(doomed, stage, own, done);
        survived = await Promise.race([work.then(() => true), crash.died.then(() => false)]);
        if (!survived) kills += 1;

        const next = stage.server();
        await twoPeriods(next, stage);
        const report = await next.leases.inspect(own.groupId);
        const named = [report?.box, ...(report?.condemned ?? []).map((box) => box.ref)].map(
          (ref) => ref?.instance,
        );
        // A folder belongs to its group and stays as long as that lives.
        const home = parks && report !== null ? [own.groupId] : [];
        for (const instance of boxesOf(stage, own))
          expect([...named, ...home], `killed at ${at}`).toContain(instance);

        if (!(done.has('deleting') && report === null)) {
          const after = await open(next, stage, own);
          const text = await read(after, 'a').catch(() => null);
          const lossIsTold = after.receipt !== null && after.receipt.kind !== 'EXACT';
          if (done.has('drained')) expect({ at, lossIsTold }).toEqual({ at, lossIsTold: false });
          if (done.has('written') && !lossIsTold) expect({ at, text }).toEqual({ at, text: 'kept' });
          await after.close();
          await next.leases.destroy(own);
          await twoPeriods(next, stage);
        }
        expect(boxesOf(stage, own), `killed at ${at}`).toEqual([]);
        await next.leases.close();
      }
      expect(survived).toBe(true);
      expect(kills).toBeGreaterThan(30);
      // Captures that were broken off are known by the ledger, and their bytes are gone by now.
      await stage.server().reaper.tick();
      expect([...stage.blobs.content.keys()]).toEqual([]);
    });
  },
);
