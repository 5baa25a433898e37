import { afterAll, beforeAll, expect, test } from 'vitest';
import { ArchiveSweep, Reaper } from '../src/index.ts';
import { group, open, openStage, type Stage, write } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

const HOUR_MS = 3_600_000;
const bytes = () => new Blob(['x']).stream();

test('archives that nobody knows are deleted; those on record and those of others stay', async () => {
  const server = stage.server();
  const own = group();
  await using box = await open(server, stage, own);
  await write(box, 'a', '1');
  await server.leases.capture(own);
  const kept = [...stage.blobs.content.keys()];
  const forgotten = `archives/${own.groupId}/forgotten.tar.gz`;
  const foreign = `archives/${group().groupId}/foreign.tar.gz`;
  for (const key of [forgotten, foreign, 'elsewhere/file']) await stage.blobs.put(key, bytes());

  expect(await new ArchiveSweep(server.leases.context).run()).toBe(1);
  expect([...stage.blobs.content.keys()].sort()).toEqual([...kept, foreign, 'elsewhere/file'].sort());
});

test('a capture that was given up while it stored its bytes leaves none behind', async () => {
  const own = group();
  const server = stage.server();
  const { blobs } = stage;
  const slow = stage.server({
    blobs: {
      ...blobs,
      async put(key, ...rest) {
        const stored = await blobs.put(key, ...rest);
        if (!key.endsWith('.manifest.json')) return stored;
        // Long enough for everybody else to think that this process is dead.
        await stage.advance(10 * HOUR_MS);
        await server.reaper.tick();
        return blobs.put(key, bytes());
      },
    },
  });
  await using box = await open(server, stage, own);
  await write(box, 'a', '1');
  await slow.leases.capture(own);
  // Others have captured the same box meanwhile, and theirs stays.
  const artifacts = await stage.store.artifacts.restorable(own.groupId);
  const known = artifacts.flatMap(({ archiveKey, manifestKey }) => [archiveKey, manifestKey]);
  const stored = [...blobs.content.keys()].filter((key) => key.includes(own.groupId));
  expect(stored.sort()).toEqual(known.sort());
});

test('a reaper looks for unknown archives at its second tick, and then seldom', async () => {
  const own = group();
  const server = stage.server({ settings: { archiveSweepTicks: 4 } });
  const { context } = server.leases;
  const reaper = new Reaper(context, { archives: new ArchiveSweep(context) });
  await using _ = await open(server, stage, own);
  const key = `archives/${own.groupId}/forgotten.tar.gz`;
  const found: number[] = [];
  for (let tick = 1; tick <= 7; tick += 1) {
    await stage.blobs.put(key, bytes());
    await reaper.tick();
    if (!stage.blobs.content.has(key)) found.push(tick);
  }
  expect(found).toEqual([2, 6]);
});
