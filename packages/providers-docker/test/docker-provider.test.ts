// What is special about boxes in containers: their walls, their engine, and what others do to their containers.
import { createHash, randomBytes } from 'node:crypto';
import type { Box, BoxProcess, Bytes } from '@boxyard/sandbox-core';
import { type SharedEngine, sharedTestEngine } from '@tooling/docker-engine';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { containerName, labelsOf } from '../src/box-labels.ts';
import { DEFAULT_IMAGE, dockerProvider } from '../src/index.ts';
import { removeBoxes } from './docker-subject.ts';

const MINUTES = 60_000;
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const bytesOf = (content: string) => new Uint8Array(Buffer.from(content));
const tag = (group: string) => ({ deployment: `provider-${process.pid}`, group, epoch: 1 });

describe('without an engine', () => {
  const provider = dockerProvider({ socketPath: '/nowhere/docker.sock' });
  const ref = { provider: 'docker', instance: 'a'.repeat(64), resume: { engine: 'x' } };

  test('every call says plainly that none answers, and nothing is taken for gone', async () => {
    const calls = {
      create: () => provider.create({ tag: tag('x'), environment: {} }),
      resume: () => provider.resume(ref, { epoch: 1, environment: {} }),
      destroy: () => provider.destroy(ref),
      list: async () => {
        if (provider.listing.available) for await (const _ of provider.listing.use.list());
      },
    };
    for (const [name, call] of Object.entries(calls)) {
      const error = await call().then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error, name).toMatchObject({ code: 'unreachable', started: 'no' });
      expect(String(error), name).toMatch(/\/nowhere\/docker\.sock nothing answers; start the Docker Engine/);
      expect(provider.isGone(error), name).toBe(false);
    }
  });

  test('an image that the operator did not name, and limits that are none, are refused without asking', () => {
    expect(() => provider.accept({ image: 'evil:latest' })).toThrowError(
      expect.objectContaining({ code: 'unsupported' }),
    );
    for (const resources of [{ cpu: 0 }, { memoryMb: -1 }, { pids: 1.5 }, { diskMb: Number.NaN }])
      expect(() => provider.accept({ resources })).toThrowError(expect.objectContaining({ code: 'invalid' }));
    provider.accept({ image: DEFAULT_IMAGE, resources: { cpu: 0.5, memoryMb: 64 } });
    dockerProvider({ images: ['mine:1'] }).accept({ image: 'mine:1' });
  });

  test('the network of the host and that of another container are no bridge', () => {
    for (const network of ['host', 'none', 'container:abc'])
      expect(() => dockerProvider({ network })).toThrow();
  });
});

describe('with a real engine', needs('docker', 'debootstrap', 'busybox'), () => {
  let engine: SharedEngine;
  const deployment = `provider-${process.pid}`;
  beforeAll(async () => {
    engine = await sharedTestEngine({ images: ['debian', 'busybox'] });
  }, 10 * MINUTES);
  afterAll(async () => {
    await removeBoxes({ socketPath: engine.socketPath, deployment });
    await engine[Symbol.asyncDispose]();
  }, MINUTES);

  const providerOf = (defaultImage = engine.images.busybox) =>
    dockerProvider({ socketPath: engine.socketPath, network: 'boxyard-test', defaultImage, images: [] });
  const make = async (group: string, image?: string, resources = {}): Promise<Box> => {
    const provider = providerOf(image);
    const box = await provider.create({ tag: tag(group), environment: {}, resources });
    onTestFinished(async () => {
      await box.close();
      await provider.destroy(box.ref);
    }, MINUTES);
    return box;
  };
  const says = async (box: Box, script: string) => text((await box.exec({ program: { script } })).stdout);

  test('a box has no capability, no way to gain one, no folder of the host and its limits', async () => {
    const box = await make('walls', undefined, { memoryMb: 128, cpu: 0.5, pids: 77 });
    const status = await says(box, 'grep -E "^(Cap|NoNewPrivs|Uid)" /proc/self/status');
    for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect(status).toMatch(new RegExp(`^${name}:\\t0+$`, 'm'));
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
    const { HostConfig, Mounts, Config } = await engine.docker.getContainer(box.ref.instance).inspect();
    expect(Mounts).toEqual([]);
    expect(HostConfig).toMatchObject({
      Privileged: false,
      PidMode: '',
      NetworkMode: 'boxyard-test',
      Memory: 128 * 1024 * 1024,
      MemorySwap: 128 * 1024 * 1024,
      NanoCpus: 5e8,
      PidsLimit: 77,
      Init: true,
    });
    expect((Config.Env ?? []).join()).not.toContain('BOXYARD');
    expect(await says(box, 'touch /etc/x /var/lib/boxyard/x /x 2>/dev/null; ls /x /etc/x 2>/dev/null')).toBe(
      '',
    );
  });

  test('boxes do not reach each other, this machine reaches each', async () => {
    const [one, two] = [await make('server'), await make('client')];
    const address = (
      await says(one, "ip -4 addr show eth0 | sed -n 's/.*inet \\([0-9.]*\\).*/\\1/p'")
    ).trim();
    await one.files.write('www/index.html', bytesOf('from the box'), { createParents: true });
    await one.spawn({ id: 'httpd', program: { script: 'exec httpd -f -p 8080 -h /workspace/www' } });
    const { ports } = one.capabilities;
    if (!ports.available) throw new Error(ports.reason);
    const { url } = await ports.use.expose(8080);
    await expect
      .poll(
        () =>
          fetch(url).then(
            (answer) => answer.text(),
            () => null,
          ),
        { timeout: 30_000 },
      )
      .toBe('from the box');
    const knock = `nc -w 2 ${address} 8080 </dev/null >/dev/null 2>&1 && echo open || echo shut`;
    expect([await says(one, knock), await says(two, knock)]).toEqual(['open\n', 'shut\n']);
  });

  test('a server that listens only inside its box is reached too', async () => {
    const box = await make('loopback', DEFAULT_IMAGE);
    const script = `$| = 1; my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 5173) or die;
      print "up\\n"; while (my $c = $s->accept) { while (<$c>) { last if /^\\r?$/ }
      print $c "HTTP/1.0 200 OK\\r\\nConnection: close\\r\\n\\r\\n", "x" x 300000; close $c }`;
    const server = await box.spawn({ program: { argv: ['perl', '-MIO::Socket::INET', '-e', script] } });
    await firstOutput(server);
    const { ports } = box.capabilities;
    if (!ports.available) throw new Error(ports.reason);
    const { url } = await ports.use.expose(5173);
    expect((await (await fetch(url)).text()).length).toBe(300_000);
  });

  test('an image that the engine lacks and cannot pull is told by its name', async () => {
    // Nothing answers there, so no registry is asked.
    const missing = '127.0.0.1:9/missing:1';
    const provider = dockerProvider({ socketPath: engine.socketPath, images: [missing] });
    const error = await provider
      .create({ tag: tag('missing'), environment: {}, image: missing })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'configuration', started: 'no' });
    expect(String(error)).toMatch(
      /does not have the image 127\.0\.0\.1:9\/missing:1 and cannot pull it: .*Load or build/s,
    );
  });

  test('a limit of the disk is refused where the storage has none', async ({ skip }) => {
    const { Driver } = await engine.docker.info();
    if (Driver !== 'overlay2') skip('this engine may have quotas');
    const error = await providerOf()
      .create({ tag: tag('disk'), environment: {}, resources: { diskMb: 100 } })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'unsupported', started: 'no' });
  });

  test('a container that somebody stopped goes on with its files, and its commands are told as gone', async () => {
    const box = await make('stopped');
    await box.files.write('kept', bytesOf('kept'));
    const lost = await box.spawn({ program: { script: 'sleep 600' } });
    await engine.docker.getContainer(box.ref.instance).stop({ t: 0 });
    expect(text(await box.files.read('kept'))).toBe('kept');
    expect(await says(box, 'cat kept')).toBe('kept');
    await expect(lost.exited({ deadlineMs: 60_000 })).rejects.toMatchObject({ code: 'gone' });
  });

  test('a container that only has the name of a box is left alone', async () => {
    const mine = tag('foreign');
    const foreign = await engine.docker.createContainer({
      name: containerName(mine),
      Image: engine.images.busybox,
      Cmd: ['true'],
      Labels: labelsOf({ ...mine, deployment: 'somebody-else' }),
    });
    onTestFinished(() => foreign.remove({ force: true }));
    const error = await providerOf()
      .create({ tag: mine, environment: {} })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'conflict', started: 'no' });
    expect((await foreign.inspect()).State.Status).toBe('created');
  });

  test('a name that turns into a link and back never leads a read or a write out', async () => {
    const box = await make('race');
    await says(box, 'echo outside >/tmp/outside; mkdir d /tmp/d; echo inside >d/name');
    const flipping = await box.spawn({
      program: {
        script: `while :; do
          echo inside >d/new; mv d/new d/name; ln -s /tmp/outside d/new; mv d/new d/name
          mv d e; ln -s /tmp/d d; rm d; mv e d
        done`,
      },
    });
    const seen = new Set<string>();
    for (let round = 0; round < 150; round++) {
      const read = await box.files.read('d/name').then(text, (error: { code: string }) => error.code);
      seen.add(read);
      await box.files
        .write('d/written', bytesOf('x'))
        .catch((error: { code: string }) => seen.add(error.code));
    }
    await flipping.kill({ graceMs: 0 });
    expect(
      [...seen].filter((each) => !['inside\n', 'denied', 'not-found', 'invalid', 'conflict'].includes(each)),
    ).toEqual([]);
    expect(await says(box, 'ls -A /tmp/d; cat /tmp/outside')).toBe('outside\n');
  });

  test('large content goes in and out as streams, whole or not at all', async () => {
    const box = await make('large');
    const content = new Uint8Array(randomBytes(20 * 1024 * 1024));
    const sha256 = createHash('sha256').update(content).digest('hex');
    const parts = function* () {
      for (let at = 0; at < content.length; at += 100_000) yield content.slice(at, at + 100_000);
    };
    const written = await box.files.write('big', ReadableStream.from(parts()) as ReadableStream<Bytes>, {
      expectedSha256: sha256,
    });
    expect(written).toMatchObject({ sizeBytes: content.length, version: await box.files.version('big') });
    const opened = await box.files.open('big');
    const hash = createHash('sha256');
    for await (const part of opened.stream) hash.update(part);
    expect(hash.digest('hex')).toBe(sha256);
    expect(opened.version).toBe(written.version);
    const range = await box.files.read('big', { offset: 3_000_001, length: 2_000_000 });
    expect(Buffer.compare(range, content.subarray(3_000_001, 5_000_001))).toBe(0);
    // A reader that goes away leaves nothing that runs on.
    await (await box.files.open('big')).stream.cancel();
    await expect(box.files.write('big', content, { expectedSha256: '0'.repeat(64) })).rejects.toMatchObject({
      code: 'invalid',
    });
    expect(await box.files.version('big')).toBe(written.version);
    expect(await says(box, 'ls -A /var/lib/boxyard/stage')).toBe('');
  });
});

async function firstOutput(process: BoxProcess): Promise<void> {
  for await (const event of process.output()) {
    if (event.kind === 'chunk' && event.channel === 'stdout') return;
    if (event.kind === 'end') throw new Error('It ended without a word.');
  }
}
