import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
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
import { gunzipSync, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, describe, expect, it } from 'vitest';
import type { Bytes } from '../call-options.ts';
import type { ArchiveItem, FileReading } from './archive-item.ts';
import { DEFAULT_ARCHIVE_LIMITS } from './archive-limits.ts';
import { compareManifests } from './compare-manifests.ts';
import { packArchive } from './pack-archive.ts';
import { type ArchiveMember, type ReadArchiveOptions, readArchive } from './read-archive.ts';

const scratch = mkdtempSync(join(tmpdir(), 'boxyard-archive-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const MTIME = 1_700_000_000_123_456_789n;
const bytes = (text: string): Bytes => new TextEncoder().encode(text);
const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');
const code = (name: string) => expect.objectContaining({ name: 'SandboxError', code: name });

function readingOf(
  content: Uint8Array,
  changes: { changed?: boolean; size?: number; mode?: number } = {},
): FileReading {
  let at = 0;
  return {
    sizeBytes: changes.size ?? content.length,
    mode: changes.mode ?? 0o644,
    mtimeNs: MTIME,
    next: async () => {
      const chunk = new Uint8Array(content.subarray(at, at + 300_000));
      at += chunk.length;
      return chunk.length === 0 ? null : chunk;
    },
    changed: async () => changes.changed ?? false,
    close: async () => undefined,
  };
}

const file = (path: string, content: string | Uint8Array, mode = 0o644): ArchiveItem => ({
  kind: 'file',
  path,
  open: async () => readingOf(typeof content === 'string' ? bytes(content) : content, { mode }),
});
const dir = (path: string, mode = 0o755): ArchiveItem => ({ kind: 'dir', path, mode, mtimeNs: MTIME });
const symlink = (path: string, target: string): ArchiveItem => ({
  kind: 'symlink',
  path,
  target,
  mtimeNs: MTIME,
});

async function* itemsOf(items: readonly ArchiveItem[]) {
  yield* items;
}

async function collect(stream: ReadableStream<Bytes>): Promise<Buffer> {
  const chunks: Bytes[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function packed(items: readonly ArchiveItem[], compression: 'none' | 'gzip' = 'none') {
  const archive = packArchive(itemsOf(items), { compression });
  const content = await collect(archive.stream);
  return { content, manifest: await archive.manifest };
}

const streamOf = (content: Uint8Array, step = 65_536): ReadableStream<Bytes> =>
  ReadableStream.from(
    (function* () {
      for (let at = 0; at < content.length; at += step) yield new Uint8Array(content.subarray(at, at + step));
    })(),
  ) as ReadableStream<Bytes>;

async function unpacked(content: Uint8Array, options: ReadArchiveOptions = {}, step?: number) {
  const members: (Omit<ArchiveMember, 'content'> & { text: string })[] = [];
  const result = await readArchive(streamOf(content, step), options, async ({ content: body, ...member }) => {
    const chunks: Bytes[] = [];
    for await (const chunk of body) chunks.push(chunk);
    members.push({ ...member, text: Buffer.concat(chunks).toString() });
  });
  return { ...result, members };
}

type RawHeader = Parameters<ReturnType<typeof pack>['entry']>[0];

/** A tar as anybody may write it. */
async function tarOf(...members: readonly (readonly [RawHeader, string?])[]): Promise<Buffer> {
  const tar = pack();
  for (const [header, content] of members) {
    if (content === undefined) tar.entry(header).end(null);
    else tar.entry(header, content);
  }
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
}

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

describe('reading a damaged archive', () => {
  it.each(['none', 'gzip'] as const)('refuses it cut anywhere, compression %s', async (compression) => {
    const { content } = await packed([dir('d'), file('d/a', 'hello'), symlink('l', 'd/a')], compression);
    // The last block of a tar may be missing: two empty ones end it, more is padding. Every shorter cut counts.
    const step = compression === 'none' ? 128 : 13;
    for (let length = 0; length < content.length; length += step) {
      await expect(unpacked(content.subarray(0, length)), `cut at ${length}`).rejects.toEqual(
        code('invalid'),
      );
    }
  });

  it('knows that its manifest is missing when it is cut between two members and ended properly', async () => {
    const { content } = await packed([file('a', 'hello')]);
    const at = content.indexOf('.boxyard-manifest.json');
    // Back over the extended header and its content to where the member begins.
    const begin = Math.floor(at / 512) * 512 - 1024;
    for (const cut of [begin, begin - 512]) {
      if (cut <= 0) continue;
      const ended = Buffer.concat([content.subarray(0, cut), Buffer.alloc(1024)]);
      await expect(unpacked(ended)).rejects.toEqual(code('invalid'));
    }
    const ended = Buffer.concat([content.subarray(0, begin), Buffer.alloc(1024)]);
    await expect(unpacked(ended)).rejects.toThrow(/INCOMPLETE/);
  });

  it('refuses changed bytes by their digest', async () => {
    const { content } = await packed([file('a', 'hello world')]);
    const changed = Buffer.from(content);
    changed[content.indexOf('hello world')] = 0x4a;
    await expect(unpacked(changed)).rejects.toThrow(/INCOMPLETE.*"a"/);
  });

  it('refuses gzip with a flipped bit, text, zeros and nothing', async () => {
    const { content } = await packed([file('a', 'x'.repeat(5000))], 'gzip');
    const flipped = Buffer.from(content);
    flipped[content.length - 5] = (flipped[content.length - 5] ?? 0) ^ 1;
    for (const bad of [
      flipped,
      Buffer.from('no tar at all'.repeat(100)),
      Buffer.alloc(0),
      Buffer.from([0x1f, 0x8b]),
    ]) {
      await expect(unpacked(bad)).rejects.toEqual(code('invalid'));
    }
    await expect(unpacked(gzipSync(gunzipSync(content).subarray(0, -1024)))).rejects.toEqual(code('invalid'));
  });

  it('passes the failure of its source on and stops at its signal', async () => {
    const { content } = await packed([file('a', 'x')]);
    const half = new Uint8Array(content.subarray(0, 512));
    const breaking = new ReadableStream<Bytes>({
      pull(controller) {
        controller.enqueue(half);
        controller.error(new Error('line broke'));
      },
    });
    await expect(readArchive(breaking, {}, async () => undefined)).rejects.toEqual(code('invalid'));
    let cancelled = 0;
    const hanging = () =>
      new ReadableStream<Bytes>({
        start: (controller) => controller.enqueue(half),
        pull: () => new Promise(() => undefined),
        cancel: () => {
          cancelled += 1;
        },
      });
    const signal = AbortSignal.timeout(5);
    await expect(readArchive(hanging(), { signal }, async () => undefined)).rejects.toEqual(
      code('cancelled'),
    );
    expect(cancelled).toBe(1);
  });

  it('ends its source when a member is refused while more would come', async () => {
    const evil = await tarOf([{ name: '../evil' }, 'x']);
    let cancelled = 0;
    const source = new ReadableStream<Bytes>({
      start: (controller) => controller.enqueue(new Uint8Array(evil.subarray(0, 1024))),
      pull: () => new Promise(() => undefined),
      cancel: () => {
        cancelled += 1;
      },
    });
    await expect(readArchive(source, {}, async () => undefined)).rejects.toEqual(code('invalid'));
    expect(cancelled).toBe(1);
  });
});

describe('judging members', () => {
  const evil: [string, (readonly [RawHeader, string?])[]][] = [
    ['a way up', [[{ name: '../evil' }, 'x']]],
    ['a way up further in', [[{ name: 'a/../../evil' }, 'x']]],
    ['an absolute path', [[{ name: '/etc/evil' }, 'x']]],
    ['an absolute link', [[{ name: 'l', type: 'symlink', linkname: '/etc/passwd' }]]],
    ['a link out', [[{ name: 'a/l', type: 'symlink', linkname: '../../x' }]]],
    ['a link in and out', [[{ name: 'l', type: 'symlink', linkname: 'a/../../x' }]]],
    [
      'a hard link to nothing before it',
      [[{ name: 'h', type: 'link', linkname: 'later' }], [{ name: 'later' }, 'x']],
    ],
    ['a hard link out', [[{ name: 'h', type: 'link', linkname: '/etc/passwd' }]]],
    [
      'a hard link to a link',
      [[{ name: 'l', type: 'symlink', linkname: 'a' }], [{ name: 'h', type: 'link', linkname: 'l' }]],
    ],
    ['a file through a link', [[{ name: 'l', type: 'symlink', linkname: 'a' }], [{ name: 'l/x' }, 'x']]],
    [
      'a file through a file',
      [
        [{ name: 'f' }, 'x'],
        [{ name: 'f/x' }, 'x'],
      ],
    ],
    [
      'a link over a folder that was used',
      [[{ name: 'd/x' }, 'x'], [{ name: 'd', type: 'symlink', linkname: '.' }]],
    ],
    [
      'a file twice',
      [
        [{ name: 'f' }, 'x'],
        [{ name: './f' }, 'y'],
      ],
    ],
    [
      'a file again that claims to be read anew',
      [
        [{ name: 'f' }, 'x'],
        [{ name: 'g' }, 'y'],
        [{ name: 'f', pax: { comment: 'boxyard-again 1' } }, 'z'],
      ],
    ],
    ['a device', [[{ name: 'd', type: 'character-device', devmajor: 1, devminor: 3 }]]],
    ['a block device', [[{ name: 'd', type: 'block-device', devmajor: 1, devminor: 3 }]]],
    ['a FIFO', [[{ name: 'p', type: 'fifo' }]]],
    ['the folder itself as a file', [[{ name: './', type: 'symlink', linkname: 'x' }]]],
    ['a name that is too long for a disk', [[{ name: 'n'.repeat(256) }, 'x']]],
    [
      'something after its manifest',
      [
        [{ name: 'm', pax: { comment: 'boxyard-manifest 1' } }, '{"version":1,"entries":[]}'],
        [{ name: 'f' }, 'x'],
      ],
    ],
    ['a manifest that is none', [[{ name: 'm', pax: { comment: 'boxyard-manifest 1' } }, '{"version":2}']]],
    [
      'less than its manifest says',
      [
        [
          { name: 'm', pax: { comment: 'boxyard-manifest 1' } },
          '{"version":1,"entries":[{"path":"a","kind":"dir","mode":0,"sizeBytes":0}]}',
        ],
      ],
    ],
  ];

  it.each(evil)('refuses %s', async (_, members) => {
    await expect(unpacked(await tarOf(...members))).rejects.toEqual(code('invalid'));
  });

  it('lets links lead out of an archive of our own', async () => {
    const archive = await tarOf([{ name: 'venv/python', type: 'symlink', linkname: '/usr/bin/python3' }]);
    await expect(unpacked(archive)).rejects.toEqual(code('invalid'));
    const back = await unpacked(archive, { allowOutwardLinks: true });
    expect(back.members[0]).toMatchObject({ kind: 'symlink', target: '/usr/bin/python3' });
  });

  it('keeps to its limits', async () => {
    const archive = await tarOf([{ name: 'a' }, '12345'], [{ name: 'bb' }, '12345']);
    const within = (limits: Partial<typeof DEFAULT_ARCHIVE_LIMITS>) =>
      unpacked(archive, { limits: { ...DEFAULT_ARCHIVE_LIMITS, ...limits } });
    await expect(within({ maxEntries: 1 })).rejects.toEqual(code('too-large'));
    await expect(within({ maxFileBytes: 4 })).rejects.toEqual(code('too-large'));
    await expect(within({ maxTotalBytes: 9 })).rejects.toEqual(code('too-large'));
    await expect(within({ maxPathBytes: 1 })).rejects.toEqual(code('too-large'));
    for (const none of [-1, Number.NaN, 0.5]) {
      await expect(within({ maxEntries: none })).rejects.toEqual(code('invalid'));
    }
    await expect(
      within({ maxEntries: 2, maxFileBytes: 5, maxTotalBytes: 10, maxPathBytes: 2 }),
    ).resolves.toBeDefined();
  });

  it('lets no small gzip become much', async () => {
    const bomb = gzipSync(await tarOf([{ name: 'zeros' }, '0'.repeat(5_000_000)]));
    const limits = { ...DEFAULT_ARCHIVE_LIMITS, maxTotalBytes: 1_000_000 };
    await expect(unpacked(bomb, { limits })).rejects.toEqual(code('too-large'));
  });
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
