import type { GitDiffFile } from '@boxyard/contracts';
import { describe, expect, it } from 'vitest';
import { parseRawChanges } from './raw-changes.ts';
import { readPatchInto } from './unified-patch.ts';

const file = (
  path: string,
  status: GitDiffFile['status'] = 'M',
  oldPath: string | null = null,
): GitDiffFile => ({
  path,
  oldPath,
  status,
  isBinary: false,
  isImage: false,
  additions: 0,
  deletions: 0,
  hunks: [],
  truncated: false,
});

const read = (files: GitDiffFile[], lines: string[], limits = { maxBytesPerFile: 1e6, cut: false }) => {
  readPatchInto(files, Buffer.from(lines.join('\n')), limits);
  return files;
};

describe('readPatchInto', () => {
  it('numbers the lines of both sides, with counts that default to one', () => {
    const [first] = read(
      [file('a')],
      ['diff --git a/a b/a', '--- a/a', '+++ b/a', '@@ -3 +3,2 @@ function x()', '-old', '+new', '+more', ''],
    );
    expect(first!.hunks).toEqual([
      {
        oldStart: 3,
        oldLines: 1,
        newStart: 3,
        newLines: 2,
        header: 'function x()',
        lines: [
          { type: 'del', oldNo: 3, newNo: null, text: 'old' },
          { type: 'add', oldNo: null, newNo: 3, text: 'new' },
          { type: 'add', oldNo: null, newNo: 4, text: 'more' },
        ],
      },
    ]);
  });

  it('keeps content that looks like a header as content', () => {
    const [first, second] = read(
      [file('a'), file('b')],
      [
        'diff --git a/a b/a',
        '@@ -1,2 +1,2 @@',
        '--- a/x',
        '+++ b/x',
        ' @@ -9 +9 @@',
        '\\ No newline at end of file',
        'diff --git a/b b/b',
        '@@ -1 +1 @@',
        '-diff --git a/z b/z',
        '+* Unmerged path a',
      ],
    );
    expect(first!.hunks[0]!.lines.map(({ text }) => text)).toEqual(['-- a/x', '++ b/x', '@@ -9 +9 @@']);
    expect(second!.hunks[0]!.lines.map(({ text }) => text)).toEqual([
      'diff --git a/z b/z',
      '* Unmerged path a',
    ]);
  });

  it('finds the file of a section by its name when files before it have none', () => {
    const files = read(
      [file('mode only'), file('quo"ted\tname'), file('new', 'R', 'old'), file('t', 'T'), file('last')],
      [
        'diff --git "a/quo\\"ted\\tname" "b/quo\\"ted\\tname"',
        '@@ -1 +1 @@',
        '-1',
        '+2',
        'diff --git a/old b/new',
        'similarity index 100%',
        'diff --git a/t b/t',
        '@@ -1 +0,0 @@',
        '-file',
        'diff --git a/t b/t',
        '@@ -0,0 +1 @@',
        '+link',
        'diff --git a/last b/last',
        '@@ -1 +1 @@',
        '-3',
        '+4',
      ],
    );
    const texts = files.map(({ hunks }) => hunks.flatMap(({ lines }) => lines.map(({ text }) => text)));
    expect(texts).toEqual([[], ['1', '2'], [], ['file', 'link'], ['3', '4']]);
  });

  it('leaves out what is beyond a limit of one file, and of that file only', () => {
    const [first, second] = read(
      [file('a'), file('b')],
      [
        'diff --git a/a b/a',
        '@@ -0,0 +1,3 @@',
        '+1',
        `+${'x'.repeat(100)}`,
        '+3',
        'diff --git a/b b/b',
        '@@ -0,0 +1 @@',
        '+4',
      ],
      { maxBytesPerFile: 50, cut: false },
    );
    expect(first!.truncated).toBe(true);
    expect(first!.hunks[0]!.lines.map(({ text }) => text)).toEqual(['1']);
    expect(second).toMatchObject({ truncated: false, hunks: [{ lines: [{ text: '4' }] }] });
  });

  it('says which files a patch that was cut short does not have whole', () => {
    const files = [file('a'), file('b'), file('c')];
    read(
      files,
      ['diff --git a/a b/a', '@@ -0,0 +1 @@', '+1', 'diff --git a/b b/b', '@@ -0,0 +1,9 @@', '+2'],
      {
        maxBytesPerFile: 1e6,
        cut: true,
      },
    );
    expect(files.map(({ truncated }) => truncated)).toEqual([false, true, true]);
  });
});

describe('parseRawChanges', () => {
  it('refuses a list that is cut or not understood', () => {
    expect(() => parseRawChanges(Buffer.from(':100644 100644 a b M\0pa'))).toThrow(
      expect.objectContaining({ code: 'too-large' }),
    );
    expect(() => parseRawChanges(Buffer.from(':100644 100644 a b Q\0path\0'))).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    );
  });
});
