import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { identifyProcess } from './process-identity.ts';
import { acquireServerLock } from './server-lock.ts';

let folder = '';
let path = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'boxyard-lock-'));
  path = join(folder, 'server.lock');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test('of many who ask at once exactly one gets it, and after its release another', async () => {
  const asked = await Promise.allSettled(Array.from({ length: 20 }, () => acquireServerLock(path, folder)));
  const locks = asked.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(locks).toHaveLength(1);
  await expect(acquireServerLock(path, folder)).rejects.toMatchObject({ code: 'conflict' });
  await locks[0]!.release();
  await (await acquireServerLock(path, folder)).release();
  expect(await readdir(folder)).toEqual([]);
});

test('a process that ended has let go, and so has an earlier one with the same number', async () => {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  const owner = await identifyProcess(child.pid!);
  try {
    await writeFile(path, JSON.stringify(owner));
    await expect(acquireServerLock(path, folder)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`process ${child.pid}`),
    });
    await writeFile(path, JSON.stringify({ ...owner, startedAt: 'another boot/1' }));
    await (await acquireServerLock(path, folder)).release();
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await writeFile(path, JSON.stringify(owner));
  await (await acquireServerLock(path, folder)).release();
});

test('a file that says nothing is nobody’s', async () => {
  await writeFile(path, '{"pid":');
  await (await acquireServerLock(path, folder)).release();
  expect(await readdir(folder)).toEqual([]);
});

test('releasing leaves the lock of whoever has it now', async () => {
  const mine = await acquireServerLock(path, folder);
  await writeFile(path, JSON.stringify(await identifyProcess(process.ppid)));
  await mine.release();
  await expect(acquireServerLock(path, folder)).rejects.toMatchObject({ code: 'conflict' });
});
