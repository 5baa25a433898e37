import { execFileSync } from 'node:child_process';
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { base, bytes, code, files, onDisk, root, sha256 } from '../test/files-fixture.ts';

const idOf = async (name: string) => (await stat(join(root, name))).ino;
const modeOf = async (name: string) => (await stat(join(root, name))).mode & 0o7777;

describe('adding to a file', () => {
  it('makes one that is missing, with its mode, and its folders where it is told to', async () => {
    const made = await files.append('a', bytes('one'));
    expect(made).toEqual({ sizeBytes: 3, version: `sha256-${sha256('one')}` });
    expect(await modeOf('a')).toBe(0o644);
    await files.append('b', bytes('two'), { mode: 0o600 });
    expect(await modeOf('b')).toBe(0o600);
    await expect(files.append('in/it', bytes('x'))).rejects.toEqual(code('not-found'));
    await files.append('in/it', bytes('x'), { createParents: true });
    expect(await readFile(join(root, 'in/it'), 'utf8')).toBe('x');
  });

  it('leaves the file where it lies, with the mode that it has', async () => {
    await writeFile(join(root, 'a'), 'one', { mode: 0o640 });
    const before = await idOf('a');
    const added = await files.append('a', bytes(' two'), { mode: 0o777 });
    expect(added).toEqual({ sizeBytes: 7, version: `sha256-${sha256('one two')}` });
    expect([await idOf('a'), await modeOf('a')]).toEqual([before, 0o640]);
    expect(onDisk()).toEqual(['a']);
  });

  it('loses nothing when many add at once, and when others write it anew', async () => {
    const lines = Array.from({ length: 20 }, (_, index) => `line ${index}\n`);
    await Promise.all(lines.map((line) => files.append('log', bytes(line))));
    const found = (await readFile(join(root, 'log'), 'utf8')).split('\n').slice(0, -1);
    expect(found.sort()).toEqual(lines.map((line) => line.trimEnd()).sort());
    expect(await files.version('log')).toMatch(/^sha256-/);
  });

  it('follows a link inside, and none that leads out', async () => {
    await writeFile(join(root, 'real'), 'one');
    await symlink('real', join(root, 'link'));
    await files.append('link', bytes(' two'));
    expect(await readFile(join(root, 'real'), 'utf8')).toBe('one two');
    await writeFile(join(base, 'outside'), 'theirs');
    await symlink(join(base, 'outside'), join(root, 'out'));
    await expect(files.append('out', bytes('ours'))).rejects.toEqual(code('denied'));
    expect(await readFile(join(base, 'outside'), 'utf8')).toBe('theirs');
  });

  it('refuses what is no file, without waiting for a reader of a pipe', async () => {
    await mkdir(join(root, 'folder'));
    execFileSync('mkfifo', [join(root, 'pipe')]);
    await symlink('pipe', join(root, 'to-pipe'));
    for (const name of ['folder', 'pipe', 'to-pipe', '', '../x']) {
      await expect(files.append(name, bytes('x'))).rejects.toEqual(code('invalid'));
    }
    await expect(files.append('a', bytes('x'), { mode: 0o10000 })).rejects.toEqual(code('invalid'));
  });
});
