// A box whose image has /bin/sh and no other program: what it does, what it says that it lacks, and its walls.
import { createHash } from 'node:crypto';
import { type Box, type BoxProcess, type Bytes, SandboxError } from '@boxyard/sandbox-core';
import { type SharedEngine, sharedTestEngine } from '@tooling/docker-engine';
import { needs } from '@tooling/system-parts';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { dockerProvider } from '../src/index.ts';
import { removeBoxes } from './docker-subject.ts';

const MINUTES = 60_000;
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
const bytesOf = (content: string) => new Uint8Array(Buffer.from(content));
const everyByte = (length: number): Bytes => new Uint8Array(length).map((_, at) => (at * 167) & 0xff);

describe('a box with nothing but a shell', { ...needs('docker', 'busybox'), timeout: 2 * MINUTES }, () => {
  const deployment = `shell-only-${process.pid}`;
  let engine: SharedEngine;
  let box: Box;
  beforeAll(async () => {
    engine = await sharedTestEngine({ images: ['shell-only'] });
    const provider = dockerProvider({
      socketPath: engine.socketPath,
      network: 'boxyard-test',
      defaultImage: engine.images['shell-only'],
    });
    box = await provider.create({
      tag: { deployment, group: 'box', epoch: 1 },
      environment: { GIVEN: 'x y' },
    });
  }, 5 * MINUTES);
  afterAll(async () => {
    await box?.close();
    await removeBoxes({ socketPath: engine.socketPath, deployment });
    await engine[Symbol.asyncDispose]();
  }, MINUTES);

  const shell = (script: string) => box.exec({ program: { script } });
  const spawn = async (script: string): Promise<BoxProcess> => {
    const started = await box.spawn({ program: { script } });
    onTestFinished(async () => {
      await started.kill({ graceMs: 0 });
      await started.forget();
    });
    return started;
  };
  const codeOf = (call: Promise<unknown>) =>
    call.then(
      () => 'ok',
      (error: unknown) => (SandboxError.isInstance(error) ? error.code : String(error)),
    );
  /** What the image cannot make by itself. */
  const plant = async (
    entries: readonly Parameters<ReturnType<typeof pack>['entry']>[0][],
    content = '',
    path = '/workspace',
  ) => {
    const tar = pack();
    for (const entry of entries) {
      if ('type' in entry && entry.type !== 'file') tar.entry(entry);
      else tar.entry(entry, content);
    }
    tar.finalize();
    const parts: Buffer[] = [];
    for await (const part of tar) parts.push(part as Buffer);
    const container = engine.docker.getContainer(box.ref.instance);
    await container.putArchive(Buffer.concat(parts), { path });
  };

  test('says what it lacks and why', () => {
    const { attach, archives, watch, terminal, ports } = box.capabilities;
    for (const [name, capability] of Object.entries({ attach, archives, watch })) {
      expect(capability.available, name).toBe(false);
      if (!capability.available) expect(capability.reason, name).toMatch(/^the image lacks cat/);
    }
    expect([terminal.available, ports.available]).toEqual([true, true]);
  });

  test('a command has its channels, its arguments, its environment and its exit code', async () => {
    const result = await box.exec({
      program: { argv: ['/bin/sh', '-c', 'echo "$GIVEN,$ONE,$#,$1"; echo err >&2; exit 7', 'sh', "it's"] },
      env: { ONE: '1' },
    });
    expect([text(result.stdout), text(result.stderr)]).toEqual(["x y,1,1,it's\n", 'err\n']);
    expect(result).toMatchObject({ exitCode: 7, endedBy: 'itself', outputComplete: true, truncated: false });
    const merged = await box.exec({
      program: { script: 'echo a; echo b >&2; echo c' },
      output: 'merged',
    });
    expect(text(merged.stdout)).toBe('a\nb\nc\n');
    const fed = await box.exec({
      program: { script: 'while read -r l; do echo "<$l>"; done' },
      stdin: bytesOf('1\n2\n'),
    });
    expect(text(fed.stdout)).toBe('<1>\n<2>\n');
  });

  test('what could be taken for the end of a command is output like any other', async () => {
    const word = 'f'.repeat(32);
    const { stdout, exitCode } = await shell(`printf '${word} 0\\n${word}'; exit 3`);
    expect([text(stdout), exitCode]).toEqual([`${word} 0\n${word}`, 3]);
  });

  test('a kill reaches the whole tree, also what ignores signals, and orphans', async () => {
    const script =
      '(trap "" TERM INT HUP; while :; do :; done) & (while :; do :; done) & echo "$$ $!"; while :; do :; done';
    const started = await spawn(script);
    for await (const event of started.output()) if (event.kind === 'chunk') break;
    await started.kill({ graceMs: 50 });
    expect(await started.exited()).toMatchObject({ endedBy: 'kill' });
    const orphaned = await shell('while :; do :; done & echo $!');
    expect(orphaned).toMatchObject({ exitCode: 0, outputComplete: false });
    const orphan = text(orphaned.stdout).trim();
    expect((await shell(`kill -KILL ${orphan}`)).exitCode).toBe(0);
    // Each process of the box but the engine's init, the shells of this handle and the looking one itself.
    const looking = 'for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || { read -r s <$p/stat; echo "$s"; }; done';
    await expect
      .poll(async () => text((await shell(looking)).stdout).match(/^\d+ \(sh\) R /gm), { timeout: 30_000 })
      .toBeNull();
  });

  test('an interrupt and a run limit end a command', async () => {
    const started = await spawn('trap "echo interrupted; exit 9" INT; echo ready; while :; do :; done');
    for await (const event of started.output()) if (event.kind === 'chunk') break;
    await started.interrupt();
    expect(await started.exited()).toMatchObject({ exitCode: 9, endedBy: 'itself' });
    const limited = await box.exec({
      program: { script: 'echo begun; while :; do :; done' },
      runLimitMs: 500,
    });
    expect([limited.endedBy, text(limited.stdout)]).toEqual(['run-limit', 'begun\n']);
  });

  test('files go in and come out byte for byte, small and large', async () => {
    for (const length of [0, 1, 3000, 300_000]) {
      const content = everyByte(length);
      const version = `sha256-${createHash('sha256').update(content).digest('hex')}`;
      const name = `file-${length}`;
      expect(await box.files.write(name, content)).toEqual({ sizeBytes: length, version });
      expect(Buffer.compare(await box.files.read(name), content)).toBe(0);
      expect(await box.files.version(name)).toBe(version);
      expect(await box.files.stat(name)).toMatchObject({ kind: 'file', sizeBytes: length, mode: 0o644 });
    }
    const part = await box.files.read('file-300000', { offset: 1000, length: 10 });
    expect(Buffer.compare(part, everyByte(300_000).subarray(1000, 1010))).toBe(0);
    const names = (await box.files.list('')).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['file-0', 'file-300000']));
    expect(text((await shell('read -r line <file-1; echo "<$line>"')).stdout)).toBe('<>\n');
    expect(await codeOf(box.files.write('file-1', bytesOf('new'), { ifAbsent: true }))).toBe('conflict');
    expect(await codeOf(box.files.write('file-1', bytesOf('new'), { ifVersion: 'sha256-00' }))).toBe(
      'precondition-failed',
    );
    expect(await codeOf(box.files.read('missing'))).toBe('not-found');
  });

  test('what no program of the image can do is refused by the name of the program', async () => {
    for (const call of [
      () => box.files.mkdir('folder'),
      () => box.files.remove('file'),
      () => box.files.move('a', 'b'),
      () => box.files.write('no/such/folder', bytesOf('x'), { createParents: true }),
    ]) {
      const error = await call().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'unsupported', started: 'no' });
      expect(String(error)).toMatch(/the image of the box lacks .*(mkdir|rm|mv)/);
    }
  });

  test('a link that leads out is followed by nothing, one that stays inside is, and what only root reads is denied', async () => {
    await plant([
      { name: 'out', type: 'symlink', linkname: '/etc' },
      { name: 'out-file', type: 'symlink', linkname: '/etc/outside' },
      { name: 'real/', type: 'directory', uid: 1000, gid: 1000, mode: 0o755 },
      { name: 'inside', type: 'symlink', linkname: 'real/file' },
      { name: 'round', type: 'symlink', linkname: 'round' },
    ]);
    await plant([{ name: 'real/file', uid: 1000, gid: 1000, mode: 0o644 }], 'inside');
    await plant([{ name: 'private', uid: 0, gid: 0, mode: 0o600 }], 'secret');
    await plant([{ name: 'outside', mode: 0o666 }], 'outside\n', '/etc');
    for (const path of ['out-file', 'out/outside']) {
      expect(await codeOf(box.files.read(path)), path).toBe('denied');
      expect(await codeOf(box.files.open(path)), path).toBe('denied');
      expect(await codeOf(box.files.version(path)), path).toBe('denied');
      for (const length of [1, 100_000])
        expect(await codeOf(box.files.write(path, everyByte(length))), path).toBe('denied');
    }
    expect(await codeOf(box.files.list('out'))).toMatch(/^(denied|invalid)$/);
    expect(await codeOf(box.files.stat('out/outside'))).toBe('denied');
    expect(await codeOf(box.exec({ program: { script: 'true' }, cwd: 'out' }))).toMatch(/^(denied|invalid)$/);
    expect(await codeOf(box.files.read('round'))).toMatch(/^(denied|invalid)$/);
    expect(await codeOf(box.files.read('private'))).toBe('denied');
    expect(text((await shell('read -r l </etc/outside; echo "$l"')).stdout)).toBe('outside\n');
    expect(text(await box.files.read('inside'))).toBe('inside');
    await box.files.write('inside', bytesOf('changed'));
    expect(text(await box.files.read('real/file'))).toBe('changed');
    expect(await box.files.stat('inside')).toMatchObject({ kind: 'symlink', target: 'real/file' });
  });

  test('a terminal works and ends with all that it started', async () => {
    const { terminal } = box.capabilities;
    if (!terminal.available) throw new Error(terminal.reason);
    const opened = await terminal.use.open({ cols: 80, rows: 24 });
    await opened.write(bytesOf('echo "it $((20+1))"\n'));
    let seen = '';
    for await (const part of opened.output()) {
      seen += text(part);
      if (seen.includes('it 21')) break;
    }
    await opened.close();
    expect(await opened.exited()).toMatchObject({ endedBy: 'kill' });
  });
});
