import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SandboxError } from '@boxyard/sandbox-core';
import { expect, onTestFinished, test } from 'vitest';
import { homeId } from './home-id.ts';
import { localProvider } from './local-provider.ts';

async function newDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-home-'));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  return dataDir;
}

test('a data folder has one id, whoever asks first', async () => {
  const dataDir = join(await newDataDir(), 'new');
  const ids = await Promise.all(Array.from({ length: 20 }, () => homeId(dataDir)));
  expect(new Set(ids).size).toBe(1);
  expect(await homeId(await newDataDir())).not.toBe(ids[0]);
});

test('a box of another data folder is unreachable, never gone, and cannot be ended from here', async () => {
  const here = localProvider({ dataDir: await newDataDir() });
  const elsewhere = localProvider({ dataDir: await newDataDir() });
  const tag = { deployment: 'd', group: 'shared', epoch: 1 };
  const box = await here.create({ tag, environment: {} });
  try {
    const { parking } = elsewhere;
    for (const work of [
      () => elsewhere.resume(box.ref, { epoch: 2, environment: {} }),
      () => elsewhere.destroy(box.ref),
      async () => parking.available && parking.use.park(box.ref),
    ]) {
      const error: unknown = await work().then(
        () => null,
        (failure: unknown) => failure,
      );
      expect(SandboxError.hasCode(error, 'unreachable'), String(error)).toBe(true);
      expect(elsewhere.isGone(error)).toBe(false);
    }
    expect((await box.exec({ program: { script: 'echo alive' } })).exitCode).toBe(0);
  } finally {
    await box.close();
    await here.destroy(box.ref);
  }
});
