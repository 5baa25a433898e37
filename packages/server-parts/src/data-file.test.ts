import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readDataFile, writeDataFile, writeFirstDataFile } from './data-file.ts';
import { ensureSecretKey } from './secret-key.ts';

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'boxyard-data-file-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test('processes that make the secret key of one folder together all get the one that is kept', async () => {
  const dir = await folder();
  const keys = await Promise.all(Array.from({ length: 20 }, () => ensureSecretKey(dir, undefined)));
  expect(new Set(keys).size).toBe(1);
  expect(await readDataFile(join(dir, 'secret-key'))).toBe(keys[0]);
  expect(await readdir(dir)).toEqual(['secret-key']);
  expect((await stat(join(dir, 'secret-key'))).mode & 0o777).toBe(0o600);
});

test('the first to write a file wins, and a later plain write replaces it', async () => {
  const file = join(await folder(), 'id');
  expect(await readDataFile(file)).toBeNull();
  expect(await writeFirstDataFile(file, 'one')).toBe('one');
  expect(await writeFirstDataFile(file, 'two')).toBe('one');
  await writeDataFile(file, 'three');
  expect(await readDataFile(file)).toBe('three');
});
