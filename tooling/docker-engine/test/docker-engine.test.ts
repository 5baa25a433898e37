import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { needs } from '@tooling/system-parts';
import type Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IMAGE_NAMES, provideImage } from '../src/base-images.ts';
import { type SharedEngine, sharedTestEngine, startTestEngine } from '../src/index.ts';

const MINUTES = 60_000;

/** What a command prints in a new container that goes with it. */
async function runIn(docker: Docker, image: string, script: string, size?: string): Promise<string> {
  const container = await docker.createContainer({
    Image: image,
    Cmd: ['/bin/sh', '-c', script],
    Tty: true,
    HostConfig: { NetworkMode: 'none', ...(size === undefined ? {} : { StorageOpt: { size } }) },
  });
  try {
    const output = await container.attach({ stream: true, stdout: true, stderr: true });
    await container.start();
    let text = '';
    for await (const chunk of output) text += chunk;
    return text;
  } finally {
    await container.remove({ force: true });
  }
}

describe('the shared engine', needs('docker', 'debootstrap', 'busybox'), () => {
  let engine: SharedEngine;
  beforeAll(async () => {
    engine = await sharedTestEngine({ images: ['debian', 'busybox'] });
  }, 10 * MINUTES);
  afterAll(() => engine[Symbol.asyncDispose]());

  test.each(['debian', 'busybox'] as const)('runs a command on %s alone', async (image) => {
    expect(await runIn(engine.docker, engine.images[image], 'echo $((6 * 7))')).toBe('42\r\n');
  });

  test('is the same one for who asks while somebody has it, and outlives that visit', async () => {
    const before = (await engine.docker.info()).ID;
    {
      await using visit = await sharedTestEngine();
      expect((await visit.docker.info()).ID).toBe(before);
    }
    expect((await engine.docker.info()).ID).toBe(before);
  });
});

describe('an engine of a test', needs('docker', 'busybox', 'btrfs'), () => {
  test(
    'keeps its containers over a kill, and bounds the disk of each',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'boxyard-engine-test-'));
      try {
        await using engine = await startTestEngine({ folder, diskQuota: true });
        await provideImage(engine.docker, 'busybox');
        const kept = await engine.docker.createContainer({ Image: IMAGE_NAMES.busybox, Cmd: ['true'] });
        await engine.kill();
        expect(await engine.pid()).toBeNull();
        await engine.start();
        expect((await engine.docker.getContainer(kept.id).inspect()).Id).toBe(kept.id);
        const printed = await runIn(
          engine.docker,
          IMAGE_NAMES.busybox,
          'dd if=/dev/zero of=/big bs=1M count=64',
          '32M',
        );
        expect(printed).toMatch(/quota exceeded|No space left/i);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    3 * MINUTES,
  );
});
