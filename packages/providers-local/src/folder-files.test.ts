import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { chmod, link, mkdir, readlink, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bytes } from '@boxyard/sandbox-core';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  base,
  bytes,
  code,
  collect,
  files,
  MIB,
  onDisk,
  root,
  sha256,
  text,
  until,
} from '../test/files-fixture.ts';

describe('reading', () => {
  beforeEach(() => writeFile(join(root, 'a'), '0123456789'));

  it.each([
    [{}, '0123456789'],
    [{ offset: 3 }, '3456789'],
    [{ offset: 3, length: 2 }, '34'],
    [{ length: 0 }, ''],
    [{ offset: 8, length: 50 }, '89'],
    [{ offset: 10 }, ''],
    [{ offset: 999, length: 1 }, ''],
  ])('answers the range %j, at once and as a stream', async (range, expected) => {
    expect(text(await files.read('a', range))).toBe(expected);
    const opened = await files.open('a', range);
    expect((await collect(opened.stream)).toString()).toBe(expected);
    expect(opened).toMatchObject({ sizeBytes: 10, version: `sha256-${sha256('0123456789')}` });
  });

  it.each([{ offset: -1 }, { offset: 1.5 }, { length: -1 }, { length: Number.NaN }])(
    'refuses the range %j',
    async (range) => {
      await expect(files.read('a', range)).rejects.toEqual(code('invalid'));
      await expect(files.open('a', range)).rejects.toEqual(code('invalid'));
    },
  );

  it('refuses more than its caller wants to hold', async () => {
    await expect(files.read('a', { maxBytes: 9 })).rejects.toEqual(code('too-large'));
    await expect(files.read('a', { maxBytes: 9, length: 9 })).resolves.toHaveLength(9);
  });

  it('is never torn by an atomic writer', async () => {
    const pages = [1, 2, 3].map((digit) => new Uint8Array(3 * MIB).fill(digit));
    await files.write('torn', pages[0] as Bytes);
    let writing = true;
    const writer = (async () => {
      for (let i = 0; writing; i += 1) await files.write('torn', pages[i % 3] as Bytes);
    })();
    try {
      for (let i = 0; i < 15; i += 1) {
        expect(new Set(await files.read('torn'))).toHaveProperty('size', 1);
        const opened = await files.open('torn');
        const content = await collect(opened.stream);
        expect(opened.version).toBe(`sha256-${sha256(content)}`);
      }
    } finally {
      writing = false;
      await writer;
    }
  });

  it('names what is large by its stat, and streams it from one descriptor', async () => {
    const large = Buffer.alloc(9 * MIB, 'abc');
    writeFileSync(join(root, 'large'), large);
    const { mtimeNs, size, ino } = await stat(join(root, 'large'), { bigint: true });
    const opened = await files.open('large', { offset: 5, length: 8 * MIB });
    expect(opened.version).toBe(`st-${mtimeNs}-${size}-${ino}`);
    expect(await files.version('large')).toBe(opened.version);
    await files.write('large', bytes('replaced'));
    expect((await collect(opened.stream)).equals(large.subarray(5, 5 + 8 * MIB))).toBe(true);
  });

  it('delivers what was there when a log grows meanwhile, and fails when it is changed', async () => {
    const path = join(root, 'large');
    writeFileSync(path, Buffer.alloc(9 * MIB));
    const growing = await files.open('large');
    appendFileSync(path, 'more');
    expect(await collect(growing.stream)).toHaveLength(9 * MIB);
    const shrinking = await files.open('large');
    await truncate(path, 5);
    await expect(collect(shrinking.stream)).rejects.toEqual(code('conflict'));
  });

  it('lets go of the descriptor at the end, on cancel, and on abort', async () => {
    writeFileSync(join(root, 'large'), Buffer.alloc(9 * MIB));
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    await collect((await files.open('large')).stream);
    await (await files.open('large')).stream.cancel();
    const caller = new AbortController();
    const opened = await files.open('large', { signal: caller.signal });
    const reader = opened.stream.getReader();
    await reader.read();
    caller.abort();
    await expect(reader.read()).rejects.toEqual(code('cancelled'));
    if (process.platform === 'linux') await until(() => open() <= before);
  });

  it('tells absent, wrong and forbidden apart', async () => {
    await mkdir(join(root, 'folder'));
    await symlink('/etc/passwd', join(root, 'out'));
    for (const read of [(p: string) => files.read(p), (p: string) => files.open(p)]) {
      await expect(read('nothing')).rejects.toEqual(code('not-found'));
      await expect(read('a/below')).rejects.toEqual(code('invalid'));
      await expect(read('folder')).rejects.toEqual(code('invalid'));
      await expect(read('out')).rejects.toEqual(code('denied'));
      await expect(read('../x')).rejects.toEqual(code('invalid'));
    }
    expect(await files.version('nothing')).toBeNull();
    expect(await files.version('a/below')).toBeNull();
    await expect(files.version('out')).rejects.toEqual(code('denied'));
  });
});

describe('looking', () => {
  it('describes files, folders, links and the rest without following', async () => {
    await writeFile(join(root, 'file'), 'abc');
    await chmod(join(root, 'file'), 0o640);
    await mkdir(join(root, 'folder'));
    await symlink('/etc/passwd', join(root, 'out'));
    execFileSync('mkfifo', [join(root, 'pipe')]);
    const listed = await files.list('');
    expect([...listed].sort((a, b) => a.name.localeCompare(b.name))).toMatchObject([
      { name: 'file', path: 'file', kind: 'file', sizeBytes: 3, mode: 0o640 },
      { name: 'folder', path: 'folder', kind: 'dir' },
      { name: 'out', path: 'out', kind: 'symlink', target: '/etc/passwd' },
      { name: 'pipe', path: 'pipe', kind: 'other' },
    ]);
    for (const entry of listed) expect(await files.stat(entry.path)).toEqual(entry);
    expect((await files.stat('file'))?.modifiedAt).toEqual((await stat(join(root, 'file'))).mtime);
  });

  it('knows the root and what is absent', async () => {
    expect(await files.stat('')).toMatchObject({ name: '', path: '', kind: 'dir' });
    expect(await files.stat('nothing')).toBeNull();
    await writeFile(join(root, 'file'), '');
    expect(await files.stat('file/below')).toBeNull();
    expect(await files.list('')).toHaveLength(1);
  });

  it('refuses to list what is no folder or leads out', async () => {
    await writeFile(join(root, 'file'), '');
    await mkdir(join(root, 'folder'));
    await symlink('folder', join(root, 'in'));
    await symlink('..', join(root, 'out'));
    await expect(files.list('nothing')).rejects.toEqual(code('not-found'));
    await expect(files.list('file')).rejects.toEqual(code('invalid'));
    await expect(files.list('in')).rejects.toEqual(code('invalid'));
    await expect(files.list('out')).rejects.toEqual(code('denied'));
    await expect(files.list('out/workspace')).rejects.toEqual(code('denied'));
    await expect(files.stat('out/workspace')).rejects.toEqual(code('denied'));
  });

  it('shows a name that is no text and removes it with its folder', async () => {
    await mkdir(join(root, 'folder'));
    writeFileSync(Buffer.concat([Buffer.from(`${root}/folder/`), Buffer.from([0x61, 0xff])]), '');
    expect(await files.list('folder')).toMatchObject([{ name: 'a\ufffd', kind: 'other' }]);
    await files.remove('folder', { recursive: true });
    expect(onDisk()).toEqual([]);
  });

  it('lists a thousand entries', async () => {
    for (let i = 0; i < 1000; i += 1) writeFileSync(join(root, `f${i}`), '');
    expect(new Set((await files.list('')).map((entry) => entry.name)).size).toBe(1000);
  });
});

describe('moving', () => {
  beforeEach(async () => {
    await mkdir(join(root, 'folder/sub'), { recursive: true });
    await writeFile(join(root, 'folder/sub/file'), 'in folder');
    await writeFile(join(root, 'a'), 'a');
    await writeFile(join(root, 'b'), 'b');
  });

  it('moves files, folders and links themselves', async () => {
    await symlink('nowhere', join(root, 'link'));
    await files.move('a', 'folder/a');
    await files.move('folder', 'moved');
    await files.move('link', 'moved/link');
    expect(onDisk()).toEqual(['b', 'moved', 'moved/a', 'moved/link', 'moved/sub', 'moved/sub/file']);
    expect(await readlink(join(root, 'moved/link'))).toBe('nowhere');
  });

  it('replaces nothing unless told to', async () => {
    await mkdir(join(root, 'empty'));
    for (const to of ['b', 'folder', 'empty', 'a']) {
      await expect(files.move('a', to)).rejects.toEqual(code('conflict'));
    }
    await expect(files.move('folder', 'b')).rejects.toEqual(code('conflict'));
    await expect(files.move('folder', 'empty')).rejects.toEqual(code('conflict'));
    await files.move('a', 'b', { overwrite: true });
    await files.move('b', 'b', { overwrite: true });
    await files.move('folder', 'empty', { overwrite: true });
    expect(onDisk()).toEqual(['b', 'empty', 'empty/sub', 'empty/sub/file']);
    expect(readFileSync(join(root, 'b'), 'utf8')).toBe('a');
  });

  it('never replaces a folder with content, nor one kind by the other', async () => {
    await mkdir(join(root, 'other'));
    await expect(files.move('other', 'folder', { overwrite: true })).rejects.toEqual(code('conflict'));
    await expect(files.move('a', 'other', { overwrite: true })).rejects.toEqual(code('conflict'));
    await expect(files.move('other', 'a', { overwrite: true })).rejects.toEqual(code('conflict'));
    expect(existsSync(join(root, 'folder/sub/file'))).toBe(true);
  });

  it('takes the old name away also between two names of one file', async () => {
    await link(join(root, 'a'), join(root, 'a2'));
    await files.move('a', 'a2', { overwrite: true });
    expect(existsSync(join(root, 'a'))).toBe(false);
    expect(readFileSync(join(root, 'a2'), 'utf8')).toBe('a');
  });

  it('refuses what cannot be', async () => {
    await symlink('..', join(root, 'out'));
    await expect(files.move('nothing', 'new/c', { createParents: true })).rejects.toEqual(code('not-found'));
    expect(existsSync(join(root, 'new'))).toBe(false);
    await expect(files.move('a', 'no/c')).rejects.toEqual(code('not-found'));
    await expect(files.move('folder', 'folder/sub/x')).rejects.toEqual(code('invalid'));
    await expect(files.move('', 'x')).rejects.toEqual(code('invalid'));
    await expect(files.move('a', '')).rejects.toEqual(code('invalid'));
    await expect(files.move('a', 'out/c')).rejects.toEqual(code('denied'));
    await expect(files.move('out/workspace/a', 'c')).rejects.toEqual(code('denied'));
    await files.move('a', 'new/c', { createParents: true });
    expect(readFileSync(join(root, 'new/c'), 'utf8')).toBe('a');
  });
});

describe('removing', () => {
  it('removes files, empty folders, links themselves, and trees when asked', async () => {
    await mkdir(join(root, 'folder/sub'), { recursive: true });
    await writeFile(join(root, 'folder/sub/file'), '');
    await mkdir(join(base, 'outside'));
    await writeFile(join(base, 'outside/kept'), '');
    await symlink('../../outside', join(root, 'folder/link'));
    await symlink('../outside', join(root, 'link'));
    await mkdir(join(root, 'empty'));
    await expect(files.remove('folder')).rejects.toEqual(code('invalid'));
    await expect(files.remove('nothing')).rejects.toEqual(code('not-found'));
    await expect(files.remove('', { recursive: true })).rejects.toEqual(code('invalid'));
    await expect(files.remove('link/kept')).rejects.toEqual(code('denied'));
    await files.remove('empty');
    await files.remove('link', { recursive: true });
    await files.remove('folder', { recursive: true });
    expect(onDisk()).toEqual([]);
    expect(readdirSync(join(base, 'outside'))).toEqual(['kept']);
  });

  it('removes a deep chain without a descriptor for each level', async () => {
    const deep = Array.from({ length: 300 }, () => 'd').join('/');
    await mkdir(join(root, 'top', deep), { recursive: true });
    await writeFile(join(root, 'top', deep, 'file'), '');
    await files.remove('top', { recursive: true });
    expect(onDisk()).toEqual([]);
  });

  it('removes read-only folders', async () => {
    await mkdir(join(root, 'top/ro'), { recursive: true });
    await writeFile(join(root, 'top/ro/file'), '');
    await chmod(join(root, 'top/ro'), 0o500);
    await files.remove('top', { recursive: true });
    expect(onDisk()).toEqual([]);
  });

  it.runIf(process.platform === 'linux')(
    'never leaves the tree while folders are exchanged with links',
    async () => {
      await mkdir(join(base, 'outside'));
      for (let i = 0; i < 20; i += 1) writeFileSync(join(base, 'outside', `kept${i}`), '');
      const racer = spawn(
        '/bin/sh',
        [
          '-c',
          `i=0; while [ $i -lt 20000 ] && [ ! -e ../stop ]; do
           mkdir -p top/flip/a/b; mv top/flip away && ln -s ../../outside top/flip; rm -f top/flip; rm -rf away
           i=$((i+1)); done 2>/dev/null`,
        ],
        { cwd: root, stdio: 'ignore' },
      );
      const ended = once(racer, 'exit');
      let removed = 0;
      try {
        for (let i = 0; i < 20_000 && removed < 150; i += 1) {
          await files.remove('top', { recursive: true }).then(
            () => {
              removed += 1;
            },
            () => undefined,
          );
        }
      } finally {
        racer.kill('SIGKILL');
        await ended;
      }
      expect(removed).toBeGreaterThanOrEqual(1);
      expect(readdirSync(join(base, 'outside'))).toHaveLength(20);
    },
  );
});

describe('making folders', () => {
  it('makes one, or all that are missing', async () => {
    await files.mkdir('a');
    await expect(files.mkdir('a')).rejects.toEqual(code('conflict'));
    await expect(files.mkdir('b/c')).rejects.toEqual(code('not-found'));
    await files.mkdir('b/c', { recursive: true });
    await files.mkdir('b/c', { recursive: true });
    await files.mkdir('', { recursive: true });
    await expect(files.mkdir('')).rejects.toEqual(code('conflict'));
    expect(onDisk()).toEqual(['a', 'b', 'b/c']);
  });

  it('refuses a name that is taken, and a way out', async () => {
    await writeFile(join(root, 'file'), '');
    await symlink('..', join(root, 'out'));
    await expect(files.mkdir('file', { recursive: true })).rejects.toEqual(code('conflict'));
    await expect(files.mkdir('file/x', { recursive: true })).rejects.toEqual(code('invalid'));
    await expect(files.mkdir('out/x', { recursive: true })).rejects.toEqual(code('denied'));
    expect(existsSync(join(base, 'x'))).toBe(false);
  });
});

describe('every call', () => {
  const calls: [string, (options: { signal?: AbortSignal; deadlineMs?: number }) => Promise<unknown>][] = [
    ['read', (options) => files.read('a', options)],
    ['open', (options) => files.open('a', options)],
    ['write', (options) => files.write('a', bytes('new'), options)],
    ['version', (options) => files.version('a', options)],
    ['stat', (options) => files.stat('a', options)],
    ['list', (options) => files.list('', options)],
    ['move', (options) => files.move('a', 'b', options)],
    ['remove', (options) => files.remove('a', options)],
    ['mkdir', (options) => files.mkdir('c', options)],
  ];

  it.each(calls)('%s does nothing for a caller that has gone', async (_, run) => {
    await writeFile(join(root, 'a'), 'old');
    await expect(run({ signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
      started: 'no',
    });
    await expect(run({ deadlineMs: 0 })).rejects.toMatchObject({ code: 'timeout', started: 'no' });
    expect(onDisk()).toEqual(['a']);
    expect(readFileSync(join(root, 'a'), 'utf8')).toBe('old');
  });

  it.each(calls)('%s says gone when the workspace is gone', async (_, run) => {
    await rm(root, { recursive: true });
    await expect(run({})).rejects.toEqual(code('gone'));
  });
});
