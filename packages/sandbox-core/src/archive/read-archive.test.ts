import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  code,
  dir,
  file,
  packed,
  type RawHeader,
  symlink,
  tarOf,
  unpacked,
} from '../../test/archive-fixture.ts';
import type { Bytes } from '../call-options.ts';
import { DEFAULT_ARCHIVE_LIMITS } from './archive-limits.ts';
import { readArchive } from './read-archive.ts';

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
