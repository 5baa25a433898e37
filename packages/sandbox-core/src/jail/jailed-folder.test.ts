import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { link, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sandboxErrorFromFs } from './fs-error.ts';
import type { FolderHold } from './held-folder.ts';
import { JailedFolder } from './jailed-folder.ts';

const SECRET = 'secret of the host';
const holds: FolderHold[] = process.platform === 'linux' ? ['descriptor', 'realpath'] : ['realpath'];

let base: string;
let root: string;

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'boxyard-jail-')));
  root = join(base, 'workspace');
  await mkdir(join(root, 'folder'), { recursive: true });
  await mkdir(join(base, 'outside'));
  await writeFile(join(base, 'outside', 'secret'), SECRET);
  await writeFile(join(root, 'folder', 'file'), 'inside');
});

afterEach(async () => {
  await rm(base, { recursive: true, force: true });
});

const openDescriptors = () => readdirSync('/proc/self/fd').length;

describe.each(holds)('JailedFolder holding by %s', (hold) => {
  const jail = () => new JailedFolder({ root, hold });
  const read = async (path: string): Promise<string> => {
    try {
      const handle = await jail().openFile(path);
      try {
        return await handle.readFile('utf8');
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw sandboxErrorFromFs(error, 'Reading');
    }
  };
  const put = (path: string, text: string) =>
    jail()
      .withName(path, (folder, name) => writeFile(folder.at(name), text, { flag: 'wx' }), {
        followLast: true,
      })
      .catch((error) => {
        throw sandboxErrorFromFs(error, 'Writing');
      });

  it.each(['folder/file', './folder//file', 'folder/./file'])('reads %s', async (path) => {
    await expect(read(path)).resolves.toBe('inside');
  });

  it.each([
    'new\nline',
    '-rf',
    '--help',
    '.hidden',
    'ü☃',
    ' ',
    '\\',
    '*',
    '$(id)',
    "'",
    '...',
    'a:b',
    '\x01',
  ])('takes %j as a name like any other', async (name) => {
    await put(`folder/${name}`, name);
    await expect(read(`folder/${name}`)).resolves.toBe(name);
    expect(readdirSync(join(root, 'folder'))).toContain(name);
  });

  it.each([
    ['to a file beside', 'to', 'folder/file'],
    ['by way of ..', 'folder/to', '../folder/file'],
    ['through . and //', 'to', './/folder/./file'],
  ])('follows a link %s', async (_, at, target) => {
    await symlink(target, join(root, at));
    await expect(read(at)).resolves.toBe('inside');
  });

  it('follows a link that names the workspace by its own absolute path', async () => {
    await symlink(join(root, 'folder'), join(root, 'to'));
    await expect(read('to/file')).resolves.toBe('inside');
  });

  it('follows links over links, folders and files', async () => {
    await mkdir(join(root, 'deep/er'), { recursive: true });
    await symlink('../../folder', join(root, 'deep/er/one'));
    await symlink('deep/er/one', join(root, 'two'));
    await symlink('two/../folder/file', join(root, 'three'));
    await expect(read('three')).resolves.toBe('inside');
  });

  it.each([
    ['an absolute file', (b: string) => join(b, 'outside/secret'), ''],
    ['an absolute folder', (b: string) => join(b, 'outside'), '/secret'],
    ['a relative way out', () => '../outside/secret', ''],
    ['a way out of the root by name', (b: string) => join(b, 'workspace/../outside/secret'), ''],
    ['a sibling whose name begins alike', (b: string) => join(b, 'workspace-2/secret'), ''],
    ['the root of the host', () => '/', '/etc/passwd'],
    ['the descriptors of this process', () => '/proc/self/root', '/etc/passwd'],
    ['the working directory of this process', () => '/proc/self/cwd', '/package.json'],
    ['something that does not exist outside', () => '../nothing', ''],
  ])('denies a link to %s', async (_, target, rest) => {
    await mkdir(join(base, 'workspace-2'));
    await writeFile(join(base, 'workspace-2/secret'), SECRET);
    await symlink(target(base), join(root, 'out'));
    await symlink('out', join(root, 'folder/hop'));
    await symlink('../out', join(root, 'folder/over'));
    await expect(read(`out${rest}`)).rejects.toMatchObject({ code: 'denied' });
    await expect(read(`folder/over${rest}`)).rejects.toMatchObject({ code: 'denied' });
    await expect(put(`out${rest}`, 'x')).rejects.toMatchObject({ code: 'denied' });
    await expect(jail().resolveFolder('out')).rejects.toMatchObject({ code: 'denied' });
    const list = jail().withFolder('out', async () => undefined, { followLast: false });
    await expect(list).rejects.toMatchObject({ code: 'denied' });
    expect(existsSync(join(base, 'nothing'))).toBe(false);
    expect(await readFile(join(base, 'outside/secret'), 'utf8')).toBe(SECRET);
  });

  it('refuses loops', async () => {
    await symlink('b', join(root, 'a'));
    await symlink('a', join(root, 'b'));
    await expect(read('a')).rejects.toMatchObject({ code: 'invalid' });
    await expect(read('a/x')).rejects.toMatchObject({ code: 'invalid' });
  });

  it('follows chains up to forty links and no further', async () => {
    await symlink('folder/file', join(root, 'l1'));
    for (let i = 2; i <= 41; i += 1) await symlink(`l${i - 1}`, join(root, `l${i}`));
    await expect(read('l40')).resolves.toBe('inside');
    await expect(read('l41')).rejects.toMatchObject({ code: 'invalid' });
  });

  it('makes missing folders only inside', async () => {
    await symlink('../outside', join(root, 'out'));
    await symlink('folder', join(root, 'in'));
    await jail().withFolder('in/x/y', async (folder) => expect(folder.path).toBe('folder/x/y'), {
      make: true,
    });
    expect(existsSync(join(root, 'folder/x/y'))).toBe(true);
    const outside = jail().withFolder('out/x', async () => undefined, { make: true });
    await expect(outside).rejects.toMatchObject({ code: 'denied' });
    const overFile = jail().withFolder('folder/file/x', async () => undefined, { make: true });
    await expect(overFile).rejects.toMatchObject({ code: 'invalid' });
    expect(existsSync(join(base, 'outside/x'))).toBe(false);
  });

  it('tells what is not there from what is of the wrong kind', async () => {
    await expect(read('nothing')).rejects.toMatchObject({ code: 'not-found' });
    await expect(read('folder/file/x')).rejects.toMatchObject({ code: 'invalid' });
    await expect(read('folder')).rejects.toMatchObject({ code: 'invalid' });
    await expect(read('')).rejects.toMatchObject({ code: 'invalid' });
    await symlink('.', join(root, 'self'));
    await expect(read('self')).rejects.toMatchObject({ code: 'invalid' });
    await expect(jail().resolveFolder('folder/file')).rejects.toMatchObject({ code: 'invalid' });
    await expect(jail().resolveFolder('self/folder')).resolves.toBe(join(root, 'folder'));
  });

  it('never waits for the writer of a FIFO', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    await expect(read('pipe')).rejects.toMatchObject({ code: 'invalid' });
  });

  it('takes a hard link for what it is: a name of the workspace', async () => {
    await link(join(base, 'outside/secret'), join(root, 'hard'));
    await expect(read('hard')).resolves.toBe(SECRET);
  });

  it('walks a chain of two hundred folders', async () => {
    const path = Array.from({ length: 200 }, (_, i) => `d${i}`).join('/');
    await jail().withFolder(path, async (folder) => expect(folder.path).toBe(path), { make: true });
    await put(`${path}/end`, 'deep');
    await expect(read(`${path}/end`)).resolves.toBe('deep');
  });

  it('says gone when the root itself is gone', async () => {
    await rm(root, { recursive: true });
    await expect(read('folder/file')).rejects.toMatchObject({ code: 'gone' });
    await writeFile(root, 'no folder');
    await expect(read('folder/file')).rejects.toMatchObject({ code: 'gone' });
  });

  it.runIf(process.platform === 'linux')('leaves no descriptor open, whatever happens', async () => {
    await symlink('../outside', join(root, 'out'));
    await symlink('loop', join(root, 'loop'));
    await symlink('../folder/./file', join(root, 'folder/in'));
    const all = ['folder/in', 'out/secret', 'loop', 'nothing', 'folder/file/x', 'folder', 'a/../b', 'new/x'];
    const tryAll = async () => {
      for (const path of all) {
        await read(path).catch(() => undefined);
        await put(path, 'x').catch(() => undefined);
        await jail()
          .resolveFolder(path)
          .catch(() => undefined);
      }
    };
    await tryAll();
    const before = openDescriptors();
    await tryAll();
    expect(openDescriptors()).toBe(before);
  });
});

describe.runIf(process.platform === 'linux')('JailedFolder against a process that exchanges names', () => {
  // Exchanges a folder, and a file, with a link to the outside as fast as a shell can; ends by itself.
  const RACER = `
    i=0
    while [ $i -lt 20000 ] && [ ! -e stop ]; do
      mv folder real && ln -s ../outside folder && rm folder && mv real folder
      ln -sfn ../outside/secret flip && rm -f flip && echo inside >flip.n && mv flip.n flip
      i=$((i+1))
    done`;

  it('never reads nor writes outside', async () => {
    await writeFile(join(root, 'folder/secret'), 'inside');
    const racer = spawn('/bin/sh', ['-c', RACER], { cwd: root, stdio: 'ignore' });
    const ended = once(racer, 'exit');
    const jail = new JailedFolder({ root });
    const seen = new Set<string>();
    const answers = { inside: 0, refused: 0 };
    const attempt = async (call: () => Promise<string>) => {
      try {
        seen.add((await call()).trim());
        answers.inside += 1;
      } catch {
        answers.refused += 1;
      }
    };
    const readWhole = async (path: string) => {
      const handle = await jail.openFile(path);
      try {
        return await handle.readFile('utf8');
      } finally {
        await handle.close();
      }
    };
    try {
      for (let i = 0; i < 400 || (i < 20_000 && (answers.inside < 20 || answers.refused < 20)); i += 1) {
        await attempt(() => readWhole('folder/secret'));
        await attempt(() => readWhole('flip'));
        await attempt(() =>
          jail.withName('folder/written', async (folder, name) => {
            await writeFile(folder.at(name), 'inside');
            return 'inside';
          }),
        );
      }
    } finally {
      racer.kill('SIGKILL');
      await ended;
    }
    expect(answers.inside).toBeGreaterThanOrEqual(20);
    expect(answers.refused).toBeGreaterThanOrEqual(20);
    expect([...seen].filter((text) => text !== 'inside' && text !== '')).toEqual([]);
    expect(readdirSync(join(base, 'outside'))).toEqual(['secret']);
    expect(await readFile(join(base, 'outside/secret'), 'utf8')).toBe(SECRET);
  });
});
