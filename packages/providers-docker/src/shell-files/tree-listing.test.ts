import { expect, test } from 'vitest';
import { parseListing } from './tree-listing.ts';

const list = (...parts: (string | Buffer)[]) =>
  new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part))));
const brief = (bytes: Uint8Array) =>
  parseListing(bytes)?.map(({ path, kind, mode, sizeBytes, mtimeNs, target, isText }) => ({
    ...{ path, kind, mode, sizeBytes, mtimeNs, target, isText },
  }));

test('what find prints is read whole: names with newlines and blanks, links, names that are no text', () => {
  const printed = list(
    'f 644 5 1700000000.1234567890 1700000001.0000000000 17 two\nlines and blanks\0\0',
    'd 755 4096 -1.0 1700000001.0 18 folder\0\0',
    'l 777 4 1700000000.0 1700000001.0 19 folder/link\0a b\nc\0',
    'p 600 0 1700000000.0 1700000001.0 20 pipe\0\0',
    'f 600 1 1700000000.0 1700000001.0 21 ',
    Buffer.from([0xff, 0xfe]),
    '\0\0',
  );
  expect(brief(printed)).toMatchObject([
    {
      path: 'two\nlines and blanks',
      kind: 'file',
      mode: 0o644,
      sizeBytes: 5,
      mtimeNs: 1_700_000_000_123_456_789n,
    },
    { path: 'folder', kind: 'dir', mode: 0o755, mtimeNs: -1_000_000_000n, target: null },
    { path: 'folder/link', kind: 'symlink', target: 'a b\nc' },
    { path: 'pipe', kind: 'other', mode: 0o600 },
    { kind: 'file', isText: false },
  ]);
});

test('names, links and facts apart come together, without what went meanwhile', () => {
  const facts = (mode: string, name: string) => `${mode} 5 1700000000 1700000001 17 ${name}\n`;
  const parts = list(
    './a\nb\0./gone\0./link\0./z\0\0',
    './link\0where\nto\n\0\0',
    facts('81a4', './a\nb') + facts('a1ff', './link') + facts('41ed', './z'),
  );
  expect(brief(parts)).toMatchObject([
    { path: 'a\nb', kind: 'file', mode: 0o644 },
    { path: 'link', kind: 'symlink', target: 'where\nto' },
    { path: 'z', kind: 'dir', mode: 0o755 },
  ]);
});

test('an empty folder is empty in both forms, and nonsense is no list', () => {
  expect(parseListing(list(''))).toEqual([]);
  expect(parseListing(list('\0\0'))).toEqual([]);
  expect(parseListing(list('f 644 nonsense\0\0'))).toBeNull();
  expect(parseListing(list('f 644 5 1.0 1.0 17 cut off'))).toBeNull();
});
