import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ArchiveManifest,
  type Bytes,
  compareManifests,
  DEFAULT_ARCHIVE_LIMITS,
} from '@boxyard/sandbox-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderArchives } from './folder-archives.ts';

// Nothing is forbidden to root: these cases exist for other users only.
const itForUsers = process.getuid?.() === 0 ? () => undefined : it;
const code = (name: string) => expect.objectContaining({ name: 'SandboxError', code: name });
const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');

let base: string;
let root: string;
let target: string;
let archives: FolderArchives;
let into: FolderArchives;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'boxyard-archives-'));
  root = join(base, 'workspace');
  target = join(base, 'target');
  await mkdir(root);
  await mkdir(target);
  archives = new FolderArchives({ root });
  into = new FolderArchives({ root: target });
});

afterEach(async () => {
  execFileSync('chmod', ['-R', 'u+rwx', base]);
  await rm(base, { recursive: true, force: true });
});

async function packed(from = archives, options: Parameters<FolderArchives['pack']>[0] = {}) {
  const archive = await from.pack(options);
  const chunks: Bytes[] = [];
  for await (const chunk of archive.stream) chunks.push(chunk);
  return { content: Buffer.concat(chunks), manifest: await archive.manifest };
}

const streamOf = (content: Uint8Array) =>
  ReadableStream.from([new Uint8Array(content)]) as ReadableStream<Bytes>;

/** Everything below a folder with what tells two trees apart, also what `list` hides. */
function tree(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true }).map(String).sort()) {
    const stats = statSync(join(folder, name), { throwIfNoEntry: false });
    const mode = ((stats?.mode ?? 0) & 0o7777).toString(8);
    found[name] = stats?.isFile() ? `${mode} ${readFileSync(join(folder, name), 'latin1')}` : mode;
  }
  return found;
}

async function makeEverything(): Promise<void> {
  await mkdir(join(root, 'folder/sub'), { recursive: true });
  await mkdir(join(root, 'empty'), { mode: 0o700 });
  await writeFile(join(root, 'folder/sub/file'), 'content');
  await writeFile(join(root, 'run'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(join(root, '-rf'), 'dash');
  await writeFile(join(root, 'new\nline ü'), 'name');
  await writeFile(join(root, '.hidden'), '');
  await writeFile(join(root, 'private'), 'only mine', { mode: 0o400 });
  await writeFile(join(root, 'large'), Buffer.alloc(2_500_000, 'large'));
  await link(join(root, 'run'), join(root, 'hard'));
  await symlink('folder/sub/file', join(root, 'link'));
  await symlink('nowhere', join(root, 'folder/dangling'));
  await chmod(join(root, 'folder/sub'), 0o555);
  await utimes(join(root, 'run'), 1_600_000_000.5, 1_600_000_000.5);
  await utimes(join(root, 'folder'), 1_500_000_000, 1_500_000_000);
}

describe('packing and unpacking', () => {
  it.each(['none', 'gzip'] as const)(
    'brings everything to another folder, compression %s',
    async (compression) => {
      await makeEverything();
      const { content, manifest } = await packed(archives, { compression });
      const report = await into.unpack(streamOf(content), { mode: 'replace' });
      expect(compareManifests(manifest, report.manifest)).toEqual({ kind: 'EXACT' });
      expect(tree(target)).toEqual(tree(root));
      expect(await readlink(join(target, 'folder/dangling'))).toBe('nowhere');
      expect((await lstat(join(target, 'run'))).mtimeMs).toBeCloseTo(1_600_000_000_500, 0);
      expect((await lstat(join(target, 'folder'))).mtimeMs).toBe(1_500_000_000_000);
      const files = manifest.entries.filter((entry) => entry.kind === 'file');
      expect(report.files).toBe(files.length);
      expect(report.sizeBytes).toBe(files.reduce((sum, entry) => sum + entry.sizeBytes, 0));
      const again = await packed(into, { compression });
      expect(compareManifests(manifest, again.manifest)).toEqual({ kind: 'EXACT' });
    },
  );

  it('packs a folder of the workspace and unpacks into one', async () => {
    await makeEverything();
    const { content } = await packed(archives, { path: 'folder' });
    await into.unpack(streamOf(content), { mode: 'replace', path: 'a/b' });
    expect(await readFile(join(target, 'a/b/sub/file'), 'utf8')).toBe('content');
    await expect(archives.pack({ path: 'nothing' })).rejects.toEqual(code('not-found'));
    await expect(archives.pack({ path: 'run' })).rejects.toEqual(code('invalid'));
    await expect(archives.pack({ path: '../x' })).rejects.toEqual(code('invalid'));
    await symlink('..', join(root, 'out'));
    await expect(archives.pack({ path: 'out' })).rejects.toEqual(code('denied'));
    await expect(archives.unpack(streamOf(content), { mode: 'merge', path: 'out' })).rejects.toEqual(
      code('denied'),
    );
  });

  it('records what is no file, folder or link, and keeps links that lead out only for us', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    await symlink('/usr/bin/env', join(root, 'python'));
    const { content, manifest } = await packed();
    expect(manifest.entries.map(({ path, kind }) => [path, kind])).toEqual([
      ['pipe', 'other'],
      ['python', 'symlink'],
    ]);
    await expect(into.unpack(streamOf(content), { mode: 'replace' })).rejects.toEqual(code('invalid'));
    expect(await readdir(target)).toEqual([]);
    await into.unpack(streamOf(content), { mode: 'replace', allowOutwardLinks: true });
    expect(await readlink(join(target, 'python'))).toBe('/usr/bin/env');
  });

  it('names what it could not archive', async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x61, 0xff])]), 'lost');
    const { content, manifest } = await packed();
    const report = await into.unpack(streamOf(content), { mode: 'replace' });
    expect(compareManifests(manifest, report.manifest)).toEqual({ kind: 'INCOMPLETE', missing: ['a\ufffd'] });
  });

  itForUsers('names what may not be read, and packs the rest', async () => {
    await writeFile(join(root, 'a'), 'read');
    await writeFile(join(root, 'no-file'), '', { mode: 0 });
    await mkdir(join(root, 'no-folder'), { mode: 0 });
    const { content, manifest } = await packed();
    const report = await into.unpack(streamOf(content), { mode: 'replace' });
    expect(await readdir(target)).toEqual(['a']);
    expect(compareManifests(manifest, report.manifest)).toMatchObject({ missing: ['no-file', 'no-folder'] });
  });

  itForUsers('merges nothing when a part may not be written', async () => {
    await mkdir(join(root, 'folder'));
    await writeFile(join(root, 'folder/new'), 'new');
    await writeFile(join(root, 'a'), 'new');
    await mkdir(join(target, 'folder'), { mode: 0o555 });
    const { content } = await packed();
    await expect(into.unpack(streamOf(content), { mode: 'merge' })).rejects.toEqual(code('denied'));
    expect(readdirSync(target, { recursive: true })).toEqual(['folder']);
  });

  it('takes the tar of tar, and tar takes ours', async () => {
    await makeEverything();
    const theirs = execFileSync('tar', ['-cz', '-C', root, '.'], { maxBuffer: 1e8 });
    await into.unpack(streamOf(theirs), { mode: 'replace' });
    expect(tree(target)).toEqual(tree(root));
    const { content } = await packed();
    const third = join(base, 'third');
    await mkdir(third);
    execFileSync('tar', ['-xpz', '-C', third], { input: content });
    await rm(join(third, '.boxyard-manifest.json'));
    expect(tree(third)).toEqual(tree(root));
  });

  it('brings a chain of a hundred folders', async () => {
    const deep = Array.from({ length: 100 }, (_, i) => `d${i}`).join('/');
    await mkdir(join(root, deep), { recursive: true });
    await writeFile(join(root, deep, 'end'), 'deep');
    const { content } = await packed();
    await into.unpack(streamOf(content), { mode: 'replace' });
    expect(await readFile(join(target, deep, 'end'), 'utf8')).toBe('deep');
  });

  it('stays whole while files are written, replaced and removed', async () => {
    for (let i = 0; i < 40; i += 1) writeFileSync(join(root, `f${i}`), 'start');
    let going = true;
    const writer = (async () => {
      for (let i = 0; going; i += 1) {
        const path = join(root, `f${i % 40}`);
        await writeFile(path, Buffer.alloc((i * 9973) % 1_800_000, `${i}`));
        await writeFile(`${path}.new`, 'renamed');
        await rename(`${path}.new`, path);
        await rm(join(root, `f${(i + 20) % 40}`), { force: true });
      }
    })();
    try {
      for (let i = 0; i < 5; i += 1) {
        const { content, manifest } = await packed(archives, { compression: 'none' });
        const report = await into.unpack(streamOf(content), { mode: 'replace' });
        expect(compareManifests(manifest, report.manifest)).toEqual({ kind: 'EXACT' });
      }
    } finally {
      going = false;
      await writer;
    }
  });

  it('leaves no descriptor open, whether the archive is read, cancelled or aborted', async () => {
    await makeEverything();
    const open = () => readdirSync('/proc/self/fd').length;
    await packed();
    const before = open();
    await packed();
    await (await archives.pack()).stream.cancel();
    const caller = new AbortController();
    const aborted = await archives.pack({ signal: caller.signal });
    caller.abort();
    await expect(aborted.manifest).rejects.toEqual(code('cancelled'));
    if (process.platform === 'linux') {
      await expect.poll(open, { timeout: 30_000, interval: 5 }).toBeLessThanOrEqual(before);
    }
  });
});

describe('a target that has content already', () => {
  beforeEach(async () => {
    await writeFile(join(root, 'both'), 'new');
    await mkdir(join(root, 'folder'));
    await writeFile(join(root, 'folder/added'), 'new');
    await writeFile(join(target, 'both'), 'old');
    await writeFile(join(target, 'only-old'), 'old');
    await mkdir(join(target, 'folder'));
    await writeFile(join(target, 'folder/kept'), 'old');
    await mkdir(join(target, 'read-only'));
    await writeFile(join(target, 'read-only/x'), 'old');
    await chmod(join(target, 'read-only'), 0o555);
  });

  it('is replaced without losing its identity', async () => {
    const { ino } = await lstat(target);
    writeFileSync(Buffer.concat([Buffer.from(`${target}/`), Buffer.from([0xff])]), 'old');
    const { content } = await packed();
    await into.unpack(streamOf(content), { mode: 'replace' });
    expect(tree(target)).toEqual(tree(root));
    expect((await lstat(target)).ino).toBe(ino);
  });

  it('is merged with', async () => {
    const { content } = await packed();
    await into.unpack(streamOf(content), { mode: 'merge' });
    expect(readdirSync(target, { recursive: true }).map(String).sort()).toEqual([
      'both',
      'folder',
      'folder/added',
      'folder/kept',
      'only-old',
      'read-only',
      'read-only/x',
    ]);
    expect(await readFile(join(target, 'both'), 'utf8')).toBe('new');
  });

  it.each([
    ['a folder where a file is', 'only-old/x'],
    ['a file where a folder is', 'folder'],
    ['a folder where a link is', 'link/x'],
  ])('refuses to merge %s and stays as it was', async (_, path) => {
    await symlink('folder', join(target, 'link'));
    await rm(join(root, 'folder'), { recursive: true });
    mkdirSync(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), 'new');
    const before = tree(target);
    const { content } = await packed();
    await expect(into.unpack(streamOf(content), { mode: 'merge' })).rejects.toEqual(code('invalid'));
    expect(tree(target)).toEqual(before);
  });

  it.each(['replace', 'merge'] as const)('stays as it was when the archive is bad, mode %s', async (mode) => {
    await writeFile(join(root, 'large'), Buffer.alloc(300_000, 'x'));
    const { content } = await packed(archives, { compression: 'none' });
    const before = tree(target);
    const cut = content.subarray(0, content.length - 4096);
    const wrong = Buffer.from(content);
    wrong[content.indexOf('xxxxx') + 1000] = 0;
    const temporary = execFileSync('sh', [
      '-c',
      `cd "$1" && touch .boxyard-tmp-${'a'.repeat(32)} && tar -c .boxyard-tmp-*`,
      'sh',
      base,
    ]);
    for (const bad of [cut, wrong, Buffer.from('no archive'), Buffer.alloc(0), temporary]) {
      await expect(into.unpack(streamOf(bad), { mode })).rejects.toEqual(code('invalid'));
      expect(tree(target)).toEqual(before);
    }
    const limits = { ...DEFAULT_ARCHIVE_LIMITS, maxFileBytes: 100 };
    await expect(into.unpack(streamOf(content), { mode, limits })).rejects.toEqual(code('too-large'));
    expect(tree(target)).toEqual(before);
    await expect(into.unpack(streamOf(cut), { mode, path: 'fresh' })).rejects.toEqual(code('invalid'));
    expect(tree(target)).toEqual(before);
  });

  it('stays as it was when its caller goes while the archive comes', async () => {
    const { content } = await packed();
    const before = tree(target);
    const hanging = () =>
      new ReadableStream<Bytes>({
        start: (controller) => controller.enqueue(new Uint8Array(content.subarray(0, 100))),
        pull: () => new Promise(() => undefined),
      });
    const late = into.unpack(hanging(), { mode: 'replace', deadlineMs: 50 });
    await expect(late).rejects.toEqual(code('timeout'));
    await expect.poll(() => tree(target), { timeout: 30_000, interval: 5 }).toEqual(before);
    const gone = into.unpack(hanging(), { mode: 'replace', signal: AbortSignal.abort() });
    await expect(gone).rejects.toMatchObject({ code: 'cancelled', started: 'no' });
    expect(tree(target)).toEqual(before);
  });

  it.each(['replace', 'merge'] as const)(
    'is finished when a process died while it was exchanged, mode %s',
    async (mode) => {
      const { content } = await packed();
      // The disk as a kill leaves it: unpacked and committed, and one name moved so far.
      const staging = join(target, `.boxyard-tmp-${'a'.repeat(32)}`);
      mkdirSync(join(staging, 'old'), { recursive: true });
      mkdirSync(join(staging, 'fresh'));
      execFileSync('tar', ['-xz', '-C', join(staging, 'fresh')], { input: content });
      await rm(join(staging, 'fresh/.boxyard-manifest.json'));
      const hex = (names: string[]) => names.map((name) => Buffer.from(name).toString('hex'));
      const journal =
        mode === 'merge'
          ? { mode }
          : { mode, remove: hex(['both', 'folder', 'only-old', 'read-only']), add: hex(['both', 'folder']) };
      writeFileSync(join(staging, 'journal.json'), JSON.stringify(journal));
      await rename(join(target, 'both'), join(staging, 'old/both'));
      await rename(join(staging, 'fresh/both'), join(target, 'both'));
      await into.recover();
      const names = readdirSync(target, { recursive: true }).map(String).sort();
      expect(names).toEqual(
        mode === 'replace'
          ? ['both', 'folder', 'folder/added']
          : ['both', 'folder', 'folder/added', 'folder/kept', 'only-old', 'read-only', 'read-only/x'],
      );
      expect(await readFile(join(target, 'both'), 'utf8')).toBe('new');
    },
  );

  it('sweeps what a process left that died before, and nothing that may go on', async () => {
    const old = `.boxyard-tmp-${'b'.repeat(32)}`;
    const going = `.boxyard-tmp-${'c'.repeat(32)}`;
    for (const name of [old, going]) mkdirSync(join(target, name, 'fresh'), { recursive: true });
    await utimes(join(target, old, 'fresh'), 1, 1);
    await utimes(join(target, old), 1, 1);
    await into.recover();
    expect(existsSync(join(target, old))).toBe(false);
    expect(existsSync(join(target, going))).toBe(true);
    const { manifest } = await packed(into);
    expect(manifest.entries.some((entry) => entry.path.includes('boxyard-tmp'))).toBe(false);
  });

  it('minds no forged journal', async () => {
    const staging = join(target, `.boxyard-tmp-${'d'.repeat(32)}`);
    mkdirSync(join(staging, 'fresh'), { recursive: true });
    mkdirSync(join(staging, 'old'));
    await writeFile(join(base, 'outside'), 'kept');
    const up = Buffer.from('../outside').toString('hex');
    writeFileSync(join(staging, 'journal.json'), JSON.stringify({ mode: 'replace', remove: [up], add: [] }));
    await into.recover();
    expect(await readFile(join(base, 'outside'), 'utf8')).toBe('kept');
    expect(existsSync(join(target, 'both'))).toBe(true);
  });
});

it('knows each file by its digest', async () => {
  await writeFile(join(root, 'a'), 'hello', { mode: 0o644 });
  const { manifest } = await packed();
  const expected: ArchiveManifest = {
    version: 1,
    entries: [{ path: 'a', kind: 'file', mode: 0o644, sizeBytes: 5, sha256: sha256('hello') }],
  };
  expect(manifest).toEqual(expected);
});
