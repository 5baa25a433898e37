import { describe, expect, it } from 'vitest';
import { checkRelativePath, joinPath, splitPath } from './relative-path.ts';

describe('checkRelativePath', () => {
  it.each([
    ['', ''],
    ['.', ''],
    ['./', ''],
    ['a', 'a'],
    ['a/b/', 'a/b'],
    ['./a//./b', 'a/b'],
    ['-rf', '-rf'],
    ['.hidden', '.hidden'],
    ['...', '...'],
    ['..a/b..', '..a/b..'],
    ['a\nb', 'a\nb'],
    ['ü/☃', 'ü/☃'],
    ['C:\\x', 'C:\\x'],
    ['~/x', '~/x'],
  ])('answers %j as %j', (path, checked) => {
    expect(checkRelativePath(path)).toBe(checked);
  });

  it.each([
    ['/', 'absolute'],
    ['/etc/passwd', 'absolute'],
    ['//a', 'absolute'],
    ['..', '`..`'],
    ['../a', '`..`'],
    ['a/../b', '`..`'],
    ['a/..', '`..`'],
    ['a\0b', 'NUL'],
    ['\ud800', 'Unicode'],
    ['n'.repeat(256), '255 bytes'],
    ['ü'.repeat(128), '255 bytes'],
    ['abcdefg/'.repeat(600), '4096 bytes'],
  ])('refuses %j', (path, why) => {
    expect(() => checkRelativePath(path)).toThrow(
      expect.objectContaining({ code: 'invalid', started: 'no' }),
    );
    expect(() => checkRelativePath(path)).toThrow(why);
  });

  it('keeps its message short for a long path', () => {
    expect(() => checkRelativePath(`${'x'.repeat(100_000)}`)).toThrow(/^.{0,400}$/);
  });
});

describe('splitPath and joinPath', () => {
  it.each([
    ['a', '', 'a'],
    ['a/b', 'a', 'b'],
    ['a/b/c', 'a/b', 'c'],
  ])('take %j apart and put it together', (path, folder, name) => {
    expect(splitPath(path)).toEqual({ folder, name });
    expect(joinPath(folder, name)).toBe(path);
  });

  it('has no name for the root', () => {
    expect(splitPath('')).toBeNull();
  });
});
