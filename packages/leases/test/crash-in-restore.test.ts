// As the crash test of a first life: here the workspace is already on record, and is restored, captured and replaced.
import { expect, test } from 'vitest';
import { boxesOf, killAtEveryAwait, type Own, twoPeriods } from './killed-at-every-await.ts';
import { open, openStage, read, type Server, type Stage, write } from './stage.ts';

/** Restored, changed, captured; then its box ends on its own, is replaced and captured once more. */
async function live(server: Server, stage: Stage, own: Own, done: Set<string>): Promise<void> {
  const first = await open(server, stage, own);
  await write(first, 'b', 'new');
  await server.leases.capture(own);
  done.add('captured');
  stage.cloud.kill(first.box.ref.instance);
  await first.box.files.read('b').catch(() => {});
  await first.close();
  const second = await open(server, stage, own);
  await write(second, 'c', 'newer');
  await server.leases.capture(own);
  done.add('captured again');
  await second.close();
  await server.leases.close();
}

test('a process that is killed at any await while it restores, captures or replaces loses nothing captured', {
  timeout: 120_000,
}, async () => {
  await using stage = await openStage();
  await killAtEveryAwait(stage, {
    before: async (own) => {
      const server = stage.server();
      const made = await open(server, stage, own);
      await write(made, 'a', 'kept');
      await made.close();
      await server.leases.pause(own);
    },
    live: (server, own, done) => live(server, stage, own, done),
    judge: async ({ at, own, done, next, named }) => {
      for (const instance of boxesOf(stage, own)) expect(named, `killed at ${at}`).toContain(instance);
      const after = await open(next, stage, own);
      const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((path) => read(after, path).catch(() => null)));
      expect({ at, a }).toEqual({ at, a: 'kept' });
      if (done.has('captured')) expect({ at, b }).toEqual({ at, b: 'new' });
      if (done.has('captured again')) expect({ at, c }).toEqual({ at, c: 'newer' });
      await after.close();
      await next.leases.destroy(own);
      await twoPeriods(next, stage);
    },
  });
});
