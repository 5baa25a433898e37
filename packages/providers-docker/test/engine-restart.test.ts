// An engine of this test's own, on a disk with quotas: what its end does to boxes, and what a full disk is called.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IMAGE_NAMES, provideImage, startTestEngine } from '@tooling/docker-engine';
import { needs } from '@tooling/system-parts';
import { expect, test } from 'vitest';
import { dockerProvider } from '../src/index.ts';

const MINUTES = 60_000;
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

test('a box outlives the kill of its engine with its files, and its disk has an end', {
  ...needs('docker', 'busybox', 'btrfs'),
  timeout: 5 * MINUTES,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'boxyard-docker-'));
  try {
    await using engine = await startTestEngine({ folder, diskQuota: true });
    await provideImage(engine.docker, 'busybox');
    const { socketPath } = engine;
    const again = () => dockerProvider({ socketPath, defaultImage: IMAGE_NAMES.busybox });
    const provider = again();
    const tag = { deployment: 'restart', group: 'box', epoch: 1 };
    const box = await provider.create({ tag, environment: {}, resources: { diskMb: 64 } });
    await box.files.write('kept', new Uint8Array(Buffer.from('kept')));

    // What the command says of it may itself find no room any more.
    const script = 'said=$(dd if=/dev/zero of=filler bs=1M count=200 2>&1); rm filler; sync; echo "$said"';
    const filled = await box.exec({ program: { script } }).then(
      ({ stdout }) => text(stdout),
      (error: { code: string }) => error.code,
    );
    expect(filled).toMatch(/quota/i);
    const tooMuch = new Uint8Array(100 * 1024 * 1024);
    await expect(box.files.write('big', tooMuch)).rejects.toMatchObject({ code: 'quota' });
    expect(await box.files.stat('big')).toBeNull();

    // Freed space comes back a moment after what took it has gone.
    await expect
      .poll(() => box.exec({ program: { script: 'true' } }).then(() => 'runs', String), { timeout: 30_000 })
      .toBe('runs');
    const lost = await box.spawn({ program: { script: 'sleep 600' } });
    await engine.kill();
    await expect(box.files.read('kept', { deadlineMs: 20_000 })).rejects.toMatchObject({
      code: 'unreachable',
    });
    await expect(again().resume(box.ref, { epoch: 1, environment: {} })).rejects.toMatchObject({
      code: 'unreachable',
    });
    await engine.start();

    const resumed = await again().resume(box.ref, { epoch: 1, environment: {} });
    expect(text(await resumed.files.read('kept'))).toBe('kept');
    const { attach } = resumed.capabilities;
    if (!attach.available) throw new Error(attach.reason);
    const found = await attach.use.attach(lost.id);
    await expect(found.exited({ deadlineMs: 60_000 })).rejects.toMatchObject({ code: 'gone' });
    // The handle from before goes on as well.
    expect(text((await box.exec({ program: { script: 'cat kept' } })).stdout)).toBe('kept');
    await resumed.close();
    await box.close();
    await provider.destroy(box.ref);
    await expect(again().resume(box.ref, { epoch: 1, environment: {} })).rejects.toMatchObject({
      code: 'gone',
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
