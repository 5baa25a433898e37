// Several processes, killed at random, reapers in between, the database's clock jumping: what the leases promise is
// judged from what the handles do and what the provider has.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderBlobStore } from '@boxyard/blobs';
import { Crash } from '@boxyard/sandbox-conformance';
import { type BlobStore, SandboxError, systemClock } from '@boxyard/sandbox-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { group, open, openStage, SETTINGS, type Server, type Stage, write } from './stage.ts';

const ROUNDS = 6;
const PROCESSES = 4;
const seed = Number(process.env.BOXYARD_TEST_SEED ?? Date.now() % 2 ** 31);

const plan = fc.record({
  kills: fc.array(fc.integer({ min: 3, max: 60 }), { minLength: PROCESSES, maxLength: PROCESSES }),
  jumps: fc.array(fc.constantFrom(1_000, 30_000, 100_000, 1_000_000), { minLength: 3, maxLength: 3 }),
  losesBox: fc.boolean(),
  pauses: fc.boolean(),
});
type Plan = typeof plan extends fc.Arbitrary<infer Value> ? Value : never;

type Own = ReturnType<typeof group>;

/** Works until it is killed or has had enough; answers which box served which epoch. */
async function work(server: Server, stage: Stage, own: Own, served: Map<number, Set<string>>): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) {
    try {
      await using box = await open(server, stage, own);
      await write(box, `f${turn}`, 'x');
      if (box.lost.aborted) continue;
      const instances = served.get(box.epoch) ?? new Set();
      served.set(box.epoch, instances.add(box.box.ref.instance));
    } catch (error) {
      // Every refusal is one of the family; anything else is a fault of ours.
      if (!SandboxError.isInstance(error)) throw error;
    }
  }
}

async function round(
  { kills, jumps, losesBox, pauses }: Plan,
  stage: Stage,
  blobs: BlobStore,
): Promise<void> {
  const own = group();
  const served = new Map<number, Set<string>>();
  const busy = kills.map((at) => {
    const crash = new Crash(at);
    const server = stage.server({
      doomed: true,
      store: crash.port(stage.store.leases),
      ledger: crash.port(stage.store.artifacts),
      blobs: crash.port(blobs),
      provider: crash.provider(stage.cloud.provider),
      clock: crash.clock(systemClock),
      settings: { ...SETTINGS, openDeadlineMs: 250 },
    });
    return { server, end: Promise.race([work(server, stage, own, served), crash.died]) };
  });
  const reapers = [stage.server({ blobs }), stage.server({ blobs })] as const;
  for (const jump of jumps) {
    await stage.advance(jump);
    if (losesBox)
      for (const { machine, tag } of [...stage.cloud.machines.values()])
        if (tag?.group === own.groupId) stage.cloud.kill(machine.instance);
    await Promise.all(reapers.map(({ reaper }) => reaper.tick()));
    // Its refusals are part of the storm.
    if (pauses) await reapers[0].leases.pause(own, { force: true, deadlineMs: 200 }).catch(() => {});
  }
  await Promise.all(busy.map(({ end }) => end));

  for (const instances of served.values()) expect([...instances]).toHaveLength(1);
  const { leases, reaper } = stage.server({ blobs });
  const here = () =>
    [...stage.cloud.machines.values()].flatMap(({ machine, tag }) =>
      tag?.group === own.groupId ? [machine.instance] : [],
    );
  for (let period = 0; period < 2; period += 1) {
    await stage.advance(10_000_000);
    await reaper.tick();
  }
  const report = await leases.inspect(own.groupId);
  const named = [report?.box?.instance, ...(report?.condemned ?? []).map((box) => box.ref.instance)];
  for (const instance of here()) expect(named).toContain(instance);
  await leases.destroy(own);
  await stage.advance(10_000_000);
  await reaper.tick();
  expect(here()).toEqual([]);
}

test('a storm of processes and reapers leaves one box at a time, and none behind', {
  timeout: 120_000,
}, async () => {
  console.log(`lease storm: seed ${seed} (BOXYARD_TEST_SEED repeats its plan)`);
  const dir = await mkdtemp(join(tmpdir(), 'boxyard-storm-'));
  try {
    await using stage = await openStage();
    const blobs = folderBlobStore({ dir });
    await fc.assert(
      fc.asyncProperty(plan, (one) => round(one, stage, blobs)),
      { seed, numRuns: ROUNDS, endOnFailure: true },
    );
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 10 });
  }
});
