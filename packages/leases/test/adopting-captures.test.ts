// What a process captured and could not commit any more, because it died in between.
import type { ArtifactLedger } from '@boxyard/sandbox-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { group, open, openStage, read, type Stage, write } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

const HOUR_MS = 3_600_000;
type Own = ReturnType<typeof group>;

/** The bytes are stored, and the process is gone before it can say so. */
async function captureAndDie(own: Own): Promise<void> {
  let die = () => {};
  const died = new Promise<void>((resolve) => {
    die = resolve;
  });
  const { artifacts } = stage.store;
  const ledger: ArtifactLedger = new Proxy(artifacts, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (name !== 'commit') return typeof member === 'function' ? member.bind(target) : member;
      return () => {
        die();
        return new Promise(() => {});
      };
    },
  });
  void stage.server({ doomed: true, ledger }).leases.capture(own);
  await died;
}

const artifactsOf = (own: Own) => stage.store.artifacts.restorable(own.groupId);
const keysOf = (own: Own) => [...stage.blobs.content.keys()].filter((key) => key.includes(own.groupId));

test('when the box dies too, it is restored exactly from what its last process had stored', async () => {
  const server = stage.server();
  const own = group();
  const box = await open(server, stage, own, { holder: { kind: 'turn', id: 't', subject: 'user' } });
  await write(box, 'a', 'old');
  await server.leases.capture(own);
  await write(box, 'a', 'new');
  await box.close();
  await captureAndDie(own);
  const [candidate] = await stage.store.artifacts.candidates(own.groupId);
  stage.cloud.kill(box.box.ref.instance);

  await using again = await open(server, stage, own);
  expect(await read(again, 'a')).toBe('new');
  expect(again.receipt).toEqual({ kind: 'EXACT' });
  const [current] = await artifactsOf(own);
  // The same artifact, and not a copy of it.
  expect(current).toMatchObject({ id: candidate?.id, archiveKey: candidate?.archiveKey, state: 'current' });
});

test('what was changed after it is said to be missing', async () => {
  const server = stage.server();
  const own = group();
  const box = await open(server, stage, own, { holder: { kind: 'turn', id: 't', subject: 'user' } });
  await write(box, 'a', '1');
  await captureAndDie(own);
  await write(box, 'b', '2');
  stage.cloud.kill(box.box.ref.instance);
  await expect(box.box.files.read('a')).rejects.toMatchObject({ code: 'gone' });
  await box.close();

  await using again = await open(server, stage, own);
  expect(await read(again, 'a')).toBe('1');
  expect(again.receipt).toMatchObject({ kind: 'STALE' });
});

test('while the box lives a reaper adopts it once its process has been silent for too long', async () => {
  const server = stage.server();
  const own = group();
  const box = await open(server, stage, own);
  await write(box, 'a', '1');
  await captureAndDie(own);
  await server.reaper.tick();
  expect(await artifactsOf(own)).toEqual([]);
  await stage.advance(HOUR_MS);
  await server.reaper.tick();
  const states = (await artifactsOf(own)).map(({ state }) => state);
  expect(states).toContain('current');
  expect(await stage.store.artifacts.candidates(own.groupId)).toEqual([]);
  await box.close();
});

test('half of a capture is never adopted, and its bytes go', async () => {
  const server = stage.server();
  const own = group();
  const box = await open(server, stage, own);
  await write(box, 'a', '1');
  await captureAndDie(own);
  const manifest = keysOf(own).find((key) => key.endsWith('.manifest.json'));
  stage.blobs.content.delete(manifest!);
  const half = keysOf(own);
  stage.cloud.kill(box.box.ref.instance);
  await expect(box.box.files.read('a')).rejects.toMatchObject({ code: 'gone' });
  await box.close();

  await using again = await open(server, stage, own);
  expect(again.receipt).toEqual({ kind: 'INCOMPLETE', missing: 'everything' });
  await stage.advance(HOUR_MS);
  await server.reaper.tick();
  for (const key of half) expect(keysOf(own)).not.toContain(key);
});

test('bytes that cannot be deleted are tried again until they can', async () => {
  let refuses = true;
  const { blobs } = stage;
  const server = stage.server({
    blobs: {
      ...blobs,
      delete: async (key) => {
        if (refuses) throw new Error('the store refuses');
        return blobs.delete(key);
      },
    },
  });
  const own = group();
  const box = await open(server, stage, own);
  await write(box, 'a', '1');
  await server.leases.capture(own);
  await box.close();
  await server.leases.destroy(own);
  for (let tick = 0; tick < 2; tick += 1) {
    await stage.advance(HOUR_MS);
    await server.reaper.tick();
    expect(keysOf(own)).toHaveLength(2);
  }
  refuses = false;
  await stage.advance(HOUR_MS);
  await server.reaper.tick();
  expect(keysOf(own)).toEqual([]);
  const rows = await stage.store.sql`SELECT FROM artifacts WHERE group_id = ${own.groupId}`;
  expect(rows).toHaveLength(0);
});
