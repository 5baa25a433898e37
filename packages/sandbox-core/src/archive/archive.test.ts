import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  bytes,
  code,
  collect,
  dir,
  file,
  itemsOf,
  MTIME,
  packed,
  readingOf,
  sha256,
  symlink,
  unpacked,
} from '../../test/archive-fixture.ts';
import type { ArchiveItem, FileReading } from './archive-item.ts';
import { compareManifests } from './compare-manifests.ts';
import { packArchive } from './pack-archive.ts';

const scratch = mkdtempSync(join(tmpdir(), 'boxyard-archive-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const LONG = `${'long-name-'.repeat(14)}/${'ü'.repeat(120)}`;
const LARGE = Buffer.alloc(3_000_001, 'large ');

const EVERYTHING: readonly ArchiveItem[] = [
  dir('folder', 0o750),
  file('folder/a', 'hello', 0o640),
  file('folder/run', '#!/bin/sh\n', 0o755),
  file('no-mode', 'secret', 0),
  file('empty', ''),
  file('with\nnewline', 'x'),
  file('-rf', 'dash'),
  file('.boxyard-manifest.json', 'a file of that name'),
  file('large', LARGE),
  dir('empty-folder', 0o700),
  dir(LONG.split('/')[0] ?? '', 0o755),
  file(LONG, 'long'),
  symlink('link', 'folder/a'),
  symlink('long-link', LONG),
  { kind: 'skipped', path: 'socket', was: 'other', mode: 0o755 },
];

describe('packArchive and readArchive', () => {
  it.each(['none', 'gzip'] as const)(
    'carry everything there and back, compression %s',
    async (compression) => {
      const { content, manifest } = await packed(EVERYTHING, compression);
      const back = await unpacked(content, {}, compression === 'none' ? 1000 : undefined);
      expect(back.hadManifest).toBe(true);
      expect(compareManifests(manifest, back.manifest)).toEqual({ kind: 'EXACT' });
      expect(back.manifest.entries).toEqual(manifest.entries.filter((entry) => entry.kind !== 'other'));
      const byPath = new Map(back.members.map((member) => [member.path, member]));
      expect(byPath.get('folder')).toMatchObject({ kind: 'dir', mode: 0o750, mtimeNs: MTIME });
      expect(byPath.get('folder/a')).toMatchObject({
        kind: 'file',
        mode: 0o640,
        mtimeNs: MTIME,
        text: 'hello',
      });
      expect(byPath.get('no-mode')).toMatchObject({ mode: 0, text: 'secret' });
      expect(byPath.get('link')).toMatchObject({ kind: 'symlink', target: 'folder/a', mtimeNs: MTIME });
      expect(byPath.get('long-link')).toMatchObject({ target: LONG });
      expect(byPath.get(LONG)).toMatchObject({ text: 'long' });
      expect(byPath.get('large')?.text).toBe(LARGE.toString());
      expect(byPath.get('.boxyard-manifest.json')).toMatchObject({ text: 'a file of that name' });
      expect(back.members).toHaveLength(EVERYTHING.length - 1);
    },
  );

  it('name each member with its digest, sorted', async () => {
    const { manifest } = await packed([file('b', '2'), dir('a'), symlink('c', 'b')]);
    expect(manifest).toEqual({
      version: 1,
      entries: [
        { path: 'a', kind: 'dir', mode: 0o755, sizeBytes: 0 },
        { path: 'b', kind: 'file', mode: 0o644, sizeBytes: 1, sha256: sha256('2') },
        { path: 'c', kind: 'symlink', mode: 0o777, sizeBytes: 1, sha256: sha256('b') },
      ],
    });
  });

  it('make an archive that tar reads without a word', async () => {
    const items = EVERYTHING.filter((item) => item.path !== '.boxyard-manifest.json');
    const { content } = await packed(items, 'gzip');
    const path = join(scratch, 'ours.tgz');
    const into = mkdtempSync(join(scratch, 'into-'));
    writeFileSync(path, content);
    const said = execFileSync('sh', ['-c', 'tar -xpzf "$1" -C "$2" 2>&1', 'sh', path, into]).toString();
    expect(said).toBe('');
    const names = readdirSync(into, { recursive: true }).map(String);
    const expected = items.filter((item) => item.kind !== 'skipped').map((item) => item.path);
    expect(names.sort()).toEqual([...expected, '.boxyard-manifest.json'].sort());
    expect(readFileSync(join(into, 'large')).equals(LARGE)).toBe(true);
    expect(readlinkSync(join(into, 'long-link'))).toBe(LONG);
    const stats = lstatSync(join(into, 'folder/a'), { bigint: true });
    expect(stats.mode & 0o7777n).toBe(0o640n);
    expect(stats.mtimeNs).toBe(MTIME);
    expect(lstatSync(join(into, 'empty-folder')).mode & 0o7777).toBe(0o700);
  });

  it.each(['gnu', 'pax', 'ustar'])('read what tar writes in its %s format', async (format) => {
    const from = mkdtempSync(join(scratch, 'from-'));
    execFileSync(
      'sh',
      [
        '-c',
        'mkdir -p d/e; echo 1 >d/a; ln d/a d/hard; ln -s a d/link; echo x >"$1"; echo y >-dash',
        'sh',
        'n'.repeat(90),
      ],
      { cwd: from },
    );
    const content = execFileSync('tar', ['-c', `--format=${format}`, '-C', from, '.']);
    const back = await unpacked(content);
    expect(back.hadManifest).toBe(false);
    const kinds = Object.fromEntries(back.members.map((member) => [member.path, member.kind]));
    expect(kinds).toEqual({
      d: 'dir',
      'd/e': 'dir',
      'd/a': expect.stringMatching('file|hardlink'),
      'd/hard': expect.stringMatching('file|hardlink'),
      'd/link': 'symlink',
      ['n'.repeat(90)]: 'file',
      '-dash': 'file',
    });
    expect(back.manifest.entries.find((entry) => entry.path === 'd/hard')).toMatchObject({
      kind: 'file',
      sizeBytes: 2,
      sha256: sha256('1\n'),
    });
  });
});

describe('packing what changes meanwhile', () => {
  const changing = (
    path: string,
    readings: readonly (FileReading | 'gone' | 'unreadable')[],
  ): ArchiveItem => {
    let opened = 0;
    return { kind: 'file', path, open: async () => readings[opened++] ?? 'gone' };
  };
  const big = (digit: string) => Buffer.alloc(1_500_000, digit);

  it.each([
    ['held', bytes('first'), bytes('second')],
    ['streamed', big('1'), big('2')],
    ['first held, then streamed', bytes('first'), big('2')],
    ['first streamed, then held', big('1'), bytes('second')],
  ])('reads once more: %s', async (_, first, second) => {
    const item = changing('f', [readingOf(first, { changed: true }), readingOf(second)]);
    const { content, manifest } = await packed([item, file('g', 'after')]);
    const entry = { path: 'f', kind: 'file', mode: 0o644, sizeBytes: second.length, sha256: sha256(second) };
    expect(manifest.entries[0]).toEqual(entry);
    const back = await unpacked(content);
    expect(back.manifest.entries[0]).toEqual(entry);
    expect(back.members.filter((member) => member.path === 'f').at(-1)?.text).toBe(
      Buffer.from(second).toString(),
    );
    expect(back.members.at(-1)).toMatchObject({ path: 'g', text: 'after' });
  });

  it('marks what changes the second time too', async () => {
    for (const content of [bytes('x'), big('1')]) {
      const item = changing('f', [
        readingOf(content, { changed: true }),
        readingOf(content, { changed: true }),
      ]);
      const { manifest } = await packed([item]);
      expect(manifest.entries[0]).toMatchObject({ path: 'f', torn: true, sha256: sha256(content) });
    }
  });

  it('keeps the first reading when the file is gone at the second', async () => {
    for (const content of [bytes('x'), big('1')]) {
      const { content: archive, manifest } = await packed([
        changing('f', [readingOf(content, { changed: true }), 'gone']),
      ]);
      expect(manifest.entries[0]).toMatchObject({ path: 'f', torn: true, sha256: sha256(content) });
      expect((await unpacked(archive)).members[0]?.text).toBe(Buffer.from(content).toString());
    }
  });

  it('keeps the tar whole when a file shrinks or grows while it is streamed', async () => {
    const shrunk = readingOf(big('1').subarray(0, 700_000), { size: 1_500_000, changed: true });
    const grown = readingOf(big('2'), { size: 1_200_000, changed: true });
    const { content, manifest } = await packed([changing('f', [shrunk, grown]), file('g', 'after')]);
    const back = await unpacked(content);
    expect(back.members.at(-1)).toMatchObject({ path: 'g', text: 'after' });
    expect(manifest.entries[0]).toMatchObject({ sizeBytes: 1_200_000, torn: true });
    expect(execFileSync('tar', ['-tf', '-'], { input: content }).toString()).toContain('g\n');
  });

  it('leaves out what is gone and names what cannot be read', async () => {
    const { content, manifest } = await packed([changing('gone', ['gone']), changing('no', ['unreadable'])]);
    expect(manifest.entries).toEqual([{ path: 'no', kind: 'file', mode: 0, sizeBytes: 0, omitted: true }]);
    const back = await unpacked(content);
    expect(compareManifests(manifest, back.manifest)).toEqual({ kind: 'INCOMPLETE', missing: ['no'] });
  });

  it('fails as a whole when its source fails, and closes what it had open', async () => {
    let closed = 0;
    const reading: FileReading = {
      ...readingOf(big('1')),
      next: () => Promise.reject(new Error('disk broke')),
      close: async () => {
        closed += 1;
      },
    };
    const archive = packArchive(itemsOf([changing('f', [reading])]));
    await expect(collect(archive.stream)).rejects.toThrow('disk broke');
    await expect(archive.manifest).rejects.toThrow('disk broke');
    expect(closed).toBe(1);
  });

  it('stops when its reader goes or its signal aborts', async () => {
    async function* endless() {
      for (let i = 0; ; i += 1) yield file(`f${i}`, big('1'));
    }
    const cancelled = packArchive(endless());
    await cancelled.stream.cancel();
    await expect(cancelled.manifest).rejects.toEqual(code('cancelled'));
    const caller = new AbortController();
    const aborted = packArchive(endless(), { signal: caller.signal });
    const reader = aborted.stream.getReader();
    await reader.read();
    caller.abort();
    await expect(aborted.manifest).rejects.toEqual(code('cancelled'));
    const before = packArchive(endless(), { signal: AbortSignal.abort() });
    await expect(collect(before.stream)).rejects.toEqual(code('cancelled'));
  });

  it.each(['none', 'gzip'] as const)(
    'reads no further than its reader asks, compression %s',
    async (compression) => {
      let opened = 0;
      const random = Buffer.from(Array.from({ length: 262_144 }, (_, i) => (i * i * 31 + (i >> 3)) & 255));
      async function* endless() {
        for (let i = 0; i < 1000; i += 1) {
          opened += 1;
          yield file(`f${i}`, random);
        }
      }
      const archive = packArchive(endless(), { compression });
      const reader = archive.stream.getReader();
      await reader.read();
      let last = -1;
      // Settled once a whole turn of the loop brings nothing new, ten times over.
      for (let quiet = 0; quiet < 10; quiet = opened === last ? quiet + 1 : 0) {
        last = opened;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      expect(opened).toBeLessThan(200);
      await reader.cancel();
      await expect(archive.manifest).rejects.toEqual(code('cancelled'));
    },
  );
});

describe('compareManifests', () => {
  const entry = { path: 'a', kind: 'file', mode: 0o644, sizeBytes: 1, sha256: 'x' } as const;
  const of = (...entries: Parameters<typeof compareManifests>[0]['entries']) =>
    ({ version: 1, entries }) as const;

  it('finds what is missing or different, and minds nothing more', () => {
    const more = { ...entry, path: 'more' };
    expect(compareManifests(of(entry), of(entry, more))).toEqual({ kind: 'EXACT' });
    expect(compareManifests(of(more, entry), of())).toEqual({ kind: 'INCOMPLETE', missing: ['a', 'more'] });
    for (const different of [
      { sha256: 'y' },
      { mode: 0o600 },
      { kind: 'symlink' as const },
      { sizeBytes: 2 },
    ]) {
      expect(compareManifests(of(entry), of({ ...entry, ...different }))).toMatchObject({ missing: ['a'] });
    }
  });

  it('does not expect sockets back, but says what was never archived', () => {
    const socket = { path: 's', kind: 'other', mode: 0o644, sizeBytes: 0 } as const;
    const unreadable = { path: 'u', kind: 'file', mode: 0, sizeBytes: 0, omitted: true } as const;
    expect(compareManifests(of(socket, unreadable), of())).toEqual({ kind: 'INCOMPLETE', missing: ['u'] });
  });
});
