import { describe, expect, test } from 'vitest';
import { boxesOf, killAtEveryAwait, type Own, twoPeriods } from './killed-at-every-await.ts';
import { open, openStage, read, type Server, type Stage, write } from './stage.ts';

const HOUR_MS = 3_600_000;

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

describe.each([{ parks: false }, { parks: true }])(
  'a process that is killed at any await (parks: $parks)',
  ({ parks }) => {
    test('leaves no box that nobody names, and no file that was captured is lost', {
      timeout: 120_000,
    }, async () => {
      await using stage = await openStage({ parks });
      await killAtEveryAwait(stage, {
        live: (server, own, done) => live(server, stage, own, done),
        judge: async ({ at, own, done, next, report, named }) => {
          // A folder belongs to its group and stays as long as that lives.
          const home = parks && report !== null ? [own.groupId] : [];
          for (const instance of boxesOf(stage, own))
            expect([...named, ...home], `killed at ${at}`).toContain(instance);
          if (done.has('deleting') && report === null) return;
          const after = await open(next, stage, own);
          const text = await read(after, 'a').catch(() => null);
          const lossIsTold = after.receipt !== null && after.receipt.kind !== 'EXACT';
          if (done.has('drained')) expect({ at, lossIsTold }).toEqual({ at, lossIsTold: false });
          if (done.has('written') && !lossIsTold) expect({ at, text }).toEqual({ at, text: 'kept' });
          await after.close();
          await next.leases.destroy(own);
          await twoPeriods(next, stage);
        },
      });
    });
  },
);
