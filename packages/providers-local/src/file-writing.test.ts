import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { link, mkdir, readFile, readlink, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bytes } from '@boxyard/sandbox-core';
import { describe, expect, it } from 'vitest';
import {
  base,
  bytes,
  code,
  files,
  itForRoot,
  MIB,
  onDisk,
  root,
  sha256,
  streamOf,
  text,
  until,
} from '../test/files-fixture.ts';

describe('writing', () => {
  it('makes a file with its version and leaves nothing else', async () => {
    const written = await files.write('a', bytes('hello'));
    expect(written).toEqual({ sizeBytes: 5, version: `sha256-${sha256('hello')}` });
    expect(await files.version('a')).toBe(written.version);
    expect(onDisk()).toEqual(['a']);
    expect((await stat(join(root, 'a'))).mode & 0o7777).toBe(0o644);
  });

  it('keeps the mode of an existing file unless another is given', async () => {
    await files.write('a', bytes('1'), { mode: 0o700 });
    await files.write('a', bytes('2'));
    expect((await stat(join(root, 'a'))).mode & 0o7777).toBe(0o700);
    await files.write('a', bytes('3'), { mode: 0o600 });
    expect((await stat(join(root, 'a'))).mode & 0o7777).toBe(0o600);
    await expect(files.write('a', bytes('4'), { mode: 0o10000 })).rejects.toEqual(code('invalid'));
  });

  itForRoot('keeps the owner of an existing file', async () => {
    await writeFile(join(root, 'a'), '1');
    execFileSync('chown', ['1234:1234', join(root, 'a')]);
    await files.write('a', bytes('2'));
    expect(await stat(join(root, 'a'))).toMatchObject({ uid: 1234, gid: 1234 });
  });

  it('makes parents only when asked', async () => {
    await expect(files.write('x/y/a', bytes('1'))).rejects.toEqual(code('not-found'));
    await files.write('x/y/a', bytes('1'), { createParents: true });
    expect(onDisk()).toEqual(['x', 'x/y', 'x/y/a']);
  });

  it('refuses folders, devices and the root', async () => {
    await mkdir(join(root, 'folder'));
    execFileSync('mkfifo', [join(root, 'pipe')]);
    for (const path of ['folder', 'folder/', 'pipe', '', '.']) {
      await expect(files.write(path, bytes('x'))).rejects.toEqual(code('invalid'));
    }
    expect(onDisk()).toEqual(['folder', 'pipe']);
  });

  it('writes through a link inside and never through one that leads out', async () => {
    await writeFile(join(base, 'secret'), 'secret');
    await mkdir(join(root, 'folder'));
    await symlink('folder/real', join(root, 'in'));
    await symlink('../secret', join(root, 'out'));
    await symlink('..', join(root, 'up'));
    await files.write('in', bytes('through'));
    expect(await readlink(join(root, 'in'))).toBe('folder/real');
    expect(await readFile(join(root, 'folder/real'), 'utf8')).toBe('through');
    await expect(files.write('out', bytes('x'))).rejects.toEqual(code('denied'));
    await expect(files.write('up/secret', bytes('x'))).rejects.toEqual(code('denied'));
    await expect(files.write('up/new', bytes('x'), { createParents: true })).rejects.toEqual(code('denied'));
    expect(await readFile(join(base, 'secret'), 'utf8')).toBe('secret');
    expect(readdirSync(base).sort()).toEqual(['secret', 'workspace']);
  });

  it('leaves the other names of a hard link alone', async () => {
    await writeFile(join(base, 'outside'), 'outside');
    await link(join(base, 'outside'), join(root, 'hard'));
    await files.write('hard', bytes('new'));
    expect(await readFile(join(base, 'outside'), 'utf8')).toBe('outside');
  });

  it('lets one of many make an absent file', async () => {
    const all = Array.from({ length: 20 }, (_, i) => files.write('a', bytes(`${i}`), { ifAbsent: true }));
    const results = await Promise.allSettled(all);
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toEqual(code('conflict'));
    }
    const winner = results.findIndex((result) => result.status === 'fulfilled');
    expect(text(await files.read('a'))).toBe(`${winner}`);
    expect(onDisk()).toEqual(['a']);
  });

  it('takes a link that leads nowhere for an existing name', async () => {
    await symlink('nowhere', join(root, 'a'));
    await expect(files.write('a', bytes('x'), { ifAbsent: true })).rejects.toEqual(code('conflict'));
    expect(onDisk()).toEqual(['a']);
  });

  it('writes over the version that its caller knows and no other', async () => {
    const first = await files.write('a', bytes('1'));
    const second = await files.write('a', bytes('2'), { ifVersion: first.version });
    const late = files.write('a', bytes('3'), { ifVersion: first.version });
    await expect(late).rejects.toEqual(code('precondition-failed'));
    await expect(late).rejects.toThrow(second.version);
    const absent = files.write('b', bytes('x'), { ifVersion: first.version });
    await expect(absent).rejects.toEqual(code('precondition-failed'));
    expect(text(await files.read('a'))).toBe('2');
    expect(onDisk()).toEqual(['a']);
  });

  it('lets every increment count when many compare and write', async () => {
    await files.write('n', bytes('0'));
    const increment = async () => {
      while (true) {
        const version = await files.version('n');
        const next = Number(text(await files.read('n'))) + 1;
        try {
          await files.write('n', bytes(`${next}`), { ifVersion: version ?? '' });
          return;
        } catch (error) {
          expect(error).toEqual(code('precondition-failed'));
        }
      }
    };
    await Promise.all(Array.from({ length: 12 }, increment));
    expect(text(await files.read('n'))).toBe('12');
  });

  it.runIf(process.platform === 'linux')('lets every increment of two processes count', async () => {
    await files.write('n', bytes('0'));
    const program = `
      import { FolderFiles } from ${JSON.stringify(fileURLToPath(new URL('./folder-files.ts', import.meta.url)))};
      const files = new FolderFiles({ root: ${JSON.stringify(root)} });
      for (let done = 0; done < 40; ) {
        const version = await files.version('n');
        const next = Number(new TextDecoder().decode(await files.read('n'))) + 1;
        await files.write('n', new TextEncoder().encode(String(next)), { ifVersion: version }).then(
          () => { done += 1; },
          (error) => { if (error.code !== 'precondition-failed') throw error; },
        );
      }`;
    const run = () =>
      spawn(
        process.execPath,
        [
          '--conditions=@boxyard/source',
          '--disable-warning=ExperimentalWarning',
          '--input-type=module',
          '-e',
          program,
        ],
        { stdio: ['ignore', 'ignore', 'inherit'] },
      );
    const processes = [run(), run()];
    try {
      const exits = await Promise.all(processes.map((child) => once(child, 'exit')));
      expect(exits.map(([status]) => status)).toEqual([0, 0]);
    } finally {
      for (const child of processes) child.kill('SIGKILL');
    }
    expect(text(await files.read('n'))).toBe('80');
  });

  it('checks the digest before anything is replaced', async () => {
    await files.write('a', bytes('old'));
    const wrong = files.write('a', streamOf(bytes('ne'), bytes('w')), { expectedSha256: sha256('other') });
    await expect(wrong).rejects.toEqual(code('invalid'));
    expect(text(await files.read('a'))).toBe('old');
    expect(onDisk()).toEqual(['a']);
    await files.write('a', streamOf(bytes('ne'), bytes('w')), {
      expectedSha256: sha256('new').toUpperCase(),
    });
    expect(text(await files.read('a'))).toBe('new');
  });

  it('leaves the old file and nothing else when its source fails, hangs or sends no bytes', async () => {
    await files.write('a', bytes('old'));
    const failing = new ReadableStream<Bytes>({
      pull(controller) {
        controller.enqueue(bytes('part'));
        controller.error(new Error('source broke'));
      },
    });
    const broken = files.write('a', failing);
    await expect(broken).rejects.toEqual(code('invalid'));
    await expect(broken).rejects.toHaveProperty('cause.message', 'source broke');
    let cancelled: unknown;
    const hanging = new ReadableStream<Bytes>({
      start: (controller) => controller.enqueue(bytes('part')),
      pull: () => new Promise(() => undefined),
      cancel(reason) {
        cancelled = reason;
        return new Promise(() => undefined);
      },
    });
    await expect(files.write('a', hanging, { deadlineMs: 100 })).rejects.toEqual(code('timeout'));
    await until(() => onDisk().length === 1 && cancelled !== undefined);
    const notBytes = ReadableStream.from(['text']) as ReadableStream<never>;
    await expect(files.write('a', notBytes)).rejects.toEqual(code('invalid'));
    expect(text(await files.read('a'))).toBe('old');
    expect(onDisk()).toEqual(['a']);
  });

  it('cancels a source that it never reads', async () => {
    const reasons: unknown[] = [];
    const source = () => new ReadableStream<Bytes>({ cancel: (reason) => void reasons.push(reason) });
    await expect(files.write('../a', source())).rejects.toEqual(code('invalid'));
    await expect(files.write('no/a', source())).rejects.toEqual(code('not-found'));
    const aborted = files.write('a', source(), { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: 'cancelled', started: 'no' });
    expect(reasons).toHaveLength(3);
    expect(onDisk()).toEqual([]);
  });

  it('takes no more from its source than it has written', async () => {
    const total = 64;
    let made = 0;
    let most = 0;
    const source = new ReadableStream<Bytes>(
      {
        pull(controller) {
          const name = onDisk()[0];
          const onDiskBytes = name === undefined ? 0 : statSync(join(root, name)).size;
          most = Math.max(most, made * MIB - onDiskBytes);
          made += 1;
          if (made > total) controller.close();
          else controller.enqueue(new Uint8Array(MIB));
        },
      },
      { highWaterMark: 0 },
    );
    expect((await files.write('big', source)).sizeBytes).toBe(total * MIB);
    expect(most).toBeLessThanOrEqual(MIB);
  });

  it('sweeps what a killed process left, and hides what is being written', async () => {
    const stale = `.boxyard-tmp-${'0'.repeat(32)}`;
    const fresh = `.boxyard-tmp-${'1'.repeat(32)}`;
    await writeFile(join(root, stale), '');
    await writeFile(join(root, fresh), '');
    await writeFile(join(root, '.boxyard-tmp-mine'), '');
    await utimes(join(root, stale), 1, 1);
    const listed = await files.list('');
    expect(listed.map((entry) => entry.name)).toEqual(['.boxyard-tmp-mine']);
    expect(onDisk()).toEqual([fresh, '.boxyard-tmp-mine']);
  });
});
