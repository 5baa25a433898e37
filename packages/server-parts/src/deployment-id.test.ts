import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTestStore } from '@boxyard/store-postgres/testing';
import { expect, onTestFinished, test } from 'vitest';
import { writeDataFile } from './data-file.ts';
import { ensureDeploymentId } from './deployment-id.ts';

async function dataDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'boxyard-deployment-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function record() {
  const store = await openTestStore();
  onTestFinished(() => store.close());
  return store;
}

test('servers of different data folders on one database have one id', async () => {
  const store = await record();
  const ids = await Promise.all(
    Array.from({ length: 4 }, async () => ensureDeploymentId(await dataDir(), store)),
  );
  expect(new Set(ids).size).toBe(1);
  expect(await ensureDeploymentId(await dataDir(), await record())).not.toBe(ids[0]);
});

test('the id of a folder from before is kept, unless the record has one', async () => {
  const [dir, store] = [await dataDir(), await record()];
  const id = randomUUID();
  await writeDataFile(join(dir, 'deployment-id'), id);
  expect(await ensureDeploymentId(dir, store)).toBe(id);
  expect(await ensureDeploymentId(await dataDir(), store)).toBe(id);
  const late = await dataDir();
  await writeDataFile(join(late, 'deployment-id'), randomUUID());
  expect(await ensureDeploymentId(late, store)).toBe(id);
});
