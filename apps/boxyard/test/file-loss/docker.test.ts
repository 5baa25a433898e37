import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerProvider } from '@boxyard/providers-docker';
import { type SharedEngine, sharedTestEngine } from '@tooling/docker-engine';
import { needs } from '@tooling/system-parts';
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { describeFileLoss } from './describe-file-loss.ts';

const MINUTES = 60_000;

describe('docker boxes', needs('docker', 'debootstrap'), () => {
  let engine: SharedEngine;
  let folder: string;
  beforeAll(async () => {
    engine = await sharedTestEngine({ images: ['debian'] });
  }, 10 * MINUTES);
  afterAll(() => engine?.[Symbol.asyncDispose](), MINUTES);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'boxyard-file-loss-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const container = (instance: string) => engine.docker.getContainer(instance);
  describeFileLoss(
    () => ({
      provider: dockerProvider({ socketPath: engine.socketPath, network: 'boxyard-test' }),
      folder,
      kill: ({ instance }) => container(instance).remove({ force: true, v: true }),
      halt: ({ instance }) => container(instance).kill(),
    }),
    { halts: true },
  );
});
