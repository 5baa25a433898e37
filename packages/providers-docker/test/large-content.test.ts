// Large content on its way in and out: walls that a box cannot move meanwhile, and a container that is removed then.
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Box, type Bytes, SandboxError } from '@boxyard/sandbox-core';
import { type SharedEngine, sharedTestEngine } from '@tooling/docker-engine';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { dockerProvider } from '../src/index.ts';
import { removeBoxes } from './docker-subject.ts';

const MINUTES = 60_000;
const MIB = 1024 * 1024;
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('large content', { ...needs('docker', 'busybox'), timeout: 3 * MINUTES }, () => {
  const deployment = `large-${process.pid}`;
  let engine: SharedEngine;
  beforeAll(async () => {
    engine = await sharedTestEngine({ images: ['busybox'] });
  }, 5 * MINUTES);
  afterAll(async () => {
    await removeBoxes({ socketPath: engine.socketPath, deployment });
    await engine[Symbol.asyncDispose]();
  }, MINUTES);

  const make = async (group: string): Promise<Box> => {
    const { socketPath, images } = engine;
    const provider = dockerProvider({ socketPath, network: 'boxyard-test', defaultImage: images.busybox });
    const box = await provider.create({ tag: { deployment, group, epoch: 1 }, environment: {} });
    onTestFinished(async () => {
      await box.close();
      await provider.destroy(box.ref);
    }, MINUTES);
    return box;
  };
  const remove = (box: Box) => engine.docker.getContainer(box.ref.instance).remove({ force: true, v: true });
  /** Says when so many parts were asked for, and never stands still. */
  const endless = (parts: number, reached: () => void): ReadableStream<Bytes> => {
    let sent = 0;
    return new ReadableStream<Bytes>({
      async pull(to) {
        to.enqueue(new Uint8Array(MIB));
        if (++sent === parts) reached();
        if (sent > parts) await delay(10);
      },
    });
  };
  const codeOf = (call: Promise<unknown>) =>
    call.then(
      () => 'ok',
      (error: unknown) => (SandboxError.isInstance(error) ? error.code : String(error)),
    );

  test.each([
    { says: 'nothing', sizeBytes: undefined },
    { says: 'its length', sizeBytes: 9 * MIB },
  ])('a sender that says $says and pauses holds nobody up, and its content arrives whole', async (sender) => {
    const box = await make(`slow-${sender.sizeBytes ?? 0}`);
    const content = new Uint8Array(randomBytes(9 * MIB));
    let goOn: () => void = () => undefined;
    const paused = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let at = 0;
    const slow = new ReadableStream<Bytes>({
      async pull(to) {
        if (at === 5 * MIB) await paused;
        to.enqueue(content.slice(at, at + MIB));
        at += MIB;
        if (at === content.length) to.close();
      },
    });
    const { sizeBytes } = sender;
    const writing = box.files.write('slow', slow, { expectedSha256: digest(content), sizeBytes });
    await expect.poll(() => at, { timeout: 30_000 }).toBe(5 * MIB);
    for (let round = 0; round < 3; round++)
      expect((await box.exec({ program: { script: 'true' } })).exitCode).toBe(0);
    // It needs the engine, which is at the container for nobody else as long as it unpacks.
    const other = new Uint8Array(2 * MIB);
    await box.files.write('other', other);
    expect(await codeOf(box.files.stat('slow'))).toBe('ok');
    expect(await box.files.stat('slow')).toBeNull();
    goOn();
    expect(await writing).toMatchObject({ sizeBytes: content.length });
    expect(digest(await box.files.read('slow'))).toBe(digest(content));
    const left = 'stat -c "%u %a" slow; ls -A /var/lib/boxyard/stage /var/lib/boxyard/inbox/*';
    const { stdout } = await box.exec({ program: { script: left } });
    expect(text(stdout)).not.toMatch(/^\d+$/m);
    expect(text(stdout)).toMatch(/^1000 644\n/);
  });

  test('content of another length than was announced replaces nothing', async () => {
    const box = await make('announced');
    const content = new Uint8Array(randomBytes(3 * MIB));
    const sent = (bytes: Bytes) => {
      let at = 0;
      return new ReadableStream<Bytes>({
        pull(to) {
          to.enqueue(bytes.slice(at, at + MIB / 4));
          at += MIB / 4;
          if (at >= bytes.length) to.close();
        },
      });
    };
    const sizeBytes = content.length;
    await box.files.write('file', sent(content), { sizeBytes });
    for (const wrong of [sizeBytes - 1, sizeBytes + 1, 10, 0]) {
      const outcome = await codeOf(box.files.write('file', sent(content), { sizeBytes: wrong }));
      expect(outcome, String(wrong)).toBe('invalid');
    }
    expect(await codeOf(box.files.write('file', sent(content.slice(0, 9)), { sizeBytes }))).toBe('invalid');
    expect(digest(await box.files.read('file'))).toBe(digest(content));
  });

  test('nothing that the box does to the place of its uploads leads one elsewhere', async () => {
    const box = await make('walls');
    const script = `
      echo mine >/workspace/target; chmod 644 /workspace/target
      while :; do
        for d in /var/lib/boxyard/inbox /var/lib/boxyard/inbox/*; do
          mv $d $d.gone; ln -s /etc $d
          ln -s /etc/passwd-of-the-box $d/0; ln -s /workspace/target $d/1; rm -f $d/0; ln -s /etc/new $d/0
        done
      done 2>/dev/null`;
    const attacking = await box.spawn({ program: { script } });
    const seen = new Set<string>();
    for (let round = 0; round < 8; round++) {
      const content = new Uint8Array(randomBytes(2 * MIB));
      const outcome = await codeOf(box.files.write('written', content));
      seen.add(outcome);
      if (outcome !== 'ok') continue;
      // What is the box's own it may exchange for a link at the last moment: that is then refused, not followed.
      const read = await box.files
        .read('written')
        .then(digest, (error: unknown) => codeOf(Promise.reject(error)));
      expect([digest(content), 'denied']).toContain(read);
    }
    await attacking.kill({ graceMs: 0 });
    // Each says that nothing was written, the last one that the place led elsewhere just then.
    expect([...seen].filter((code) => !['ok', 'conflict', 'quota', 'denied'].includes(code))).toEqual([]);
    const { stdout } = await box.exec({
      program: { script: 'ls /etc; cat /workspace/target; stat -c "%U %a" /var/lib/boxyard/inbox' },
    });
    expect(text(stdout)).not.toMatch(/passwd-of-the-box|new/);
    expect(text(stdout)).toMatch(/mine\n.* 755\n$/);
  });

  test('a container that is removed in the middle of an exchange ends it as gone', async () => {
    const cut: Readonly<Record<string, (box: Box, begun: () => Promise<void>) => Promise<unknown>>> = {
      write: (box, begun) =>
        box.files.write(
          'big',
          endless(12, () => void begun()),
        ),
      read: async (box, begun) => {
        const { stream } = await box.files.open('source');
        let read = 0;
        for await (const part of stream) {
          read += part.length;
          if (read > MIB) await begun();
        }
      },
      pack: async (box, begun) => {
        const { archives } = box.capabilities;
        if (!archives.available) throw new Error(archives.reason);
        const packed = await archives.use.pack();
        packed.manifest.catch(() => undefined);
        let read = 0;
        for await (const part of packed.stream) {
          read += part.length;
          if (read > MIB) await begun();
        }
      },
      unpack: async (box, begun) => {
        const { archives } = box.capabilities;
        if (!archives.available) throw new Error(archives.reason);
        const packed = await archives.use.pack();
        packed.manifest.catch(() => undefined);
        const parts: Bytes[] = [];
        for await (const part of packed.stream) parts.push(part);
        const whole = new Uint8Array(Buffer.concat(parts));
        let at = 0;
        const archive = new ReadableStream<Bytes>({
          async pull(to) {
            if (at > 8 * MIB) await begun();
            if (at >= whole.length) to.close();
            else to.enqueue(whole.slice(at, at + 64 * 1024));
            at += 64 * 1024;
          },
        });
        await archives.use.unpack(archive, { path: 'copy', mode: 'replace' });
      },
    };
    for (const [name, exchange] of Object.entries(cut)) {
      const box = await make(`cut-${name}`);
      await box.files.write('source', new Uint8Array(randomBytes(24 * MIB)));
      let removing = false;
      let reach: () => void = () => undefined;
      const reached = new Promise<void>((resolve) => {
        reach = resolve;
      });
      // Slowly, but on: the engine waits for who does not take what it has for them.
      const begun = async () => {
        if (!removing) void remove(box).then(reach);
        removing = true;
        await delay(20);
      };
      const outcome = codeOf(exchange(box, begun));
      await reached;
      expect(await outcome, name).toBe('gone');
      expect(await codeOf(box.files.read('source')), `${name}, then`).toBe('gone');
    }
  });
});
