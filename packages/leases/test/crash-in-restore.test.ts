// As the crash test of a first life: here the workspace is already on record, and is restored, captured and replaced.
import { Crash } from '@boxyard/sandbox-conformance';
import { systemClock } from '@boxyard/sandbox-core';
import { expect, test } from 'vitest';
import { group, open, openStage, read, SETTINGS, type Server, type Stage, write } from './stage.ts';

const HOUR_MS = 3_600_000;
// Far more answers than this life takes: the run that reaches its end was not killed at all.
const MAX_ANSWERS = 200;

type Own = ReturnType<typeof group>;

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
  let survived = false;
  let kills = 0;
  for (let at = 1; at < MAX_ANSWERS && !survived; at += 1) {
    const own = group();
    const before = stage.server();
    const made = await open(before, stage, own);
    await write(made, 'a', 'kept');
    await made.close();
    await before.leases.pause(own);

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
    const work = live(doomed, stage, own, done);
    survived = await Promise.race([work.then(() => true), crash.died.then(() => false)]);
    if (!survived) kills += 1;

    const next = stage.server();
    await twoPeriods(next, stage);
    const report = await next.leases.inspect(own.groupId);
    const named = [report?.box, ...(report?.condemned ?? []).map((box) => box.ref)].map(
      (ref) => ref?.instance,
    );
    for (const instance of boxesOf(stage, own)) expect(named, `killed at ${at}`).toContain(instance);
    const after = await open(next, stage, own);
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((path) => read(after, path).catch(() => null)));
    expect({ at, a }).toEqual({ at, a: 'kept' });
    if (done.has('captured')) expect({ at, b }).toEqual({ at, b: 'new' });
    if (done.has('captured again')) expect({ at, c }).toEqual({ at, c: 'newer' });
    await after.close();
    await next.leases.destroy(own);
    await twoPeriods(next, stage);
    expect(boxesOf(stage, own), `killed at ${at}`).toEqual([]);
    await next.leases.close();
  }
  expect(survived).toBe(true);
  expect(kills).toBeGreaterThan(30);
  await stage.server().reaper.tick();
  expect([...stage.blobs.content.keys()]).toEqual([]);
});
