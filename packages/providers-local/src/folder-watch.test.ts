import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bytes, FileChange } from '@boxyard/sandbox-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderFiles } from './folder-files.ts';
import { FolderWatch } from './folder-watch.ts';

const code = (name: string) => expect.objectContaining({ name: 'SandboxError', code: name });
const bytes = (text: string): Bytes => new TextEncoder().encode(text);

let base: string;
let root: string;
let watching: Watching[] = [];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'boxyard-watch-'));
  root = join(base, 'workspace');
  await mkdir(join(root, 'folder/sub'), { recursive: true });
  watching = [];
});

afterEach(async () => {
  for (const { end } of watching) await end().catch(() => undefined);
  await rm(base, { recursive: true, force: true });
});

interface Watching {
  readonly changes: FileChange[];
  /** Waits until a change like this was told. */
  told(change: Partial<FileChange>): Promise<void>;
  /** Ends the watch; throws what it failed with. */
  end(): Promise<void>;
  readonly ended: Promise<void>;
}

/** Watches, and resolves once a change is surely seen. */
async function watch(path = '', options: { recursive?: boolean; maxBurst?: number } = {}): Promise<Watching> {
  const controller = new AbortController();
  const changes: FileChange[] = [];
  const { maxBurst, recursive = true } = options;
  const ended = (async () => {
    const watch = new FolderWatch({ root, maxBurst });
    for await (const change of watch.watch(path, { signal: controller.signal, recursive }))
      changes.push(change);
  })();
  ended.catch(() => undefined);
  const result: Watching = {
    changes,
    ended,
    told: (change) =>
      expect
        .poll(() => changes, { timeout: 30_000, interval: 5 })
        .toContainEqual(expect.objectContaining(change)),
    end: () => {
      controller.abort();
      return ended;
    },
  };
  watching.push(result);
  const prefix = path === '' ? '' : `${path}/`;
  let probe = 0;
  const isSeen = async () => {
    await writeFile(join(root, prefix, `probe${probe++}`), '');
    return changes.length > 0;
  };
  await expect.poll(isSeen, { timeout: 30_000, interval: 20 }).toBe(true);
  changes.length = 0;
  return result;
}

describe('FolderWatch', () => {
  it('tells what is made, changed, replaced, moved and removed', async () => {
    const { told, changes } = await watch();
    await writeFile(join(root, 'a'), '1');
    await told({ kind: 'created', path: 'a', isDir: false });
    await writeFile(join(root, 'a'), '2');
    await told({ kind: 'modified', path: 'a' });
    changes.length = 0;
    await new FolderFiles({ root }).write('a', bytes('3'));
    await told({ kind: 'modified', path: 'a' });
    await rename(join(root, 'a'), join(root, 'b'));
    await told({ kind: 'deleted', path: 'a' });
    await told({ kind: 'created', path: 'b' });
    await rm(join(root, 'b'));
    await told({ kind: 'deleted', path: 'b', isDir: false });
    expect(changes.filter((change) => change.path.includes('boxyard-tmp'))).toEqual([]);
  });

  it('tells what happens below, also in folders made later, and all that comes with a folder', async () => {
    const { told } = await watch();
    await writeFile(join(root, 'folder/sub/a'), '');
    await told({ kind: 'created', path: 'folder/sub/a' });
    await mkdir(join(base, 'tree/x/y'), { recursive: true });
    await writeFile(join(base, 'tree/x/y/z'), '');
    await rename(join(base, 'tree'), join(root, 'folder/tree'));
    await told({ kind: 'created', path: 'folder/tree', isDir: true });
    await told({ kind: 'created', path: 'folder/tree/x/y/z', isDir: false });
    await writeFile(join(root, 'folder/tree/x/y/late'), '');
    await told({ kind: 'created', path: 'folder/tree/x/y/late' });
    await rename(join(root, 'folder/tree'), join(base, 'tree'));
    await told({ kind: 'deleted', path: 'folder/tree/x/y/late', isDir: false });
    await told({ kind: 'deleted', path: 'folder/tree', isDir: true });
  });

  it('goes on in a folder that was removed and made again', async () => {
    const { told } = await watch();
    for (let i = 0; i < 5; i += 1) {
      await rm(join(root, 'folder'), { recursive: true });
      await mkdir(join(root, 'folder'));
      await writeFile(join(root, `folder/f${i}`), '');
      await told({ kind: 'created', path: `folder/f${i}` });
      await writeFile(join(root, `folder/g${i}`), '');
      await told({ kind: 'created', path: `folder/g${i}` });
    }
  });

  it('tells when a name changes its kind', async () => {
    const { told } = await watch();
    await rm(join(root, 'folder'), { recursive: true });
    await writeFile(join(root, 'folder'), '');
    await told({ kind: 'deleted', path: 'folder', isDir: true });
    await told({ kind: 'created', path: 'folder', isDir: false });
  });

  it('looks only at the folder itself without recursive', async () => {
    const { told, changes } = await watch('folder', { recursive: false });
    await writeFile(join(root, 'folder/sub/below'), '');
    await writeFile(join(root, 'outside'), '');
    await writeFile(join(root, 'folder/here'), '');
    await told({ kind: 'created', path: 'folder/here' });
    expect(pathsOf(changes)).toEqual(['folder/here']);
  });

  it('follows no link', async () => {
    await mkdir(join(base, 'outside'));
    await symlink('../outside', join(root, 'out'));
    await symlink('folder', join(root, 'in'));
    const { told, changes } = await watch();
    await writeFile(join(base, 'outside/secret'), '');
    await symlink('../../outside', join(root, 'folder/new-out'));
    await told({ kind: 'created', path: 'folder/new-out', isDir: false });
    await writeFile(join(base, 'outside/secret2'), '');
    await writeFile(join(root, 'folder/last'), '');
    await told({ path: 'folder/last' });
    expect(pathsOf(changes)).toEqual(['folder/last', 'folder/new-out']);
    const first = (path: string) =>
      new FolderWatch({ root }).watch(path, { signal: new AbortController().signal }).next();
    await expect(first('out')).rejects.toEqual(code('denied'));
    await expect(first('in')).rejects.toEqual(code('invalid'));
    await expect(first('nothing')).rejects.toEqual(code('not-found'));
    await expect(first('folder/last')).rejects.toEqual(code('invalid'));
    await expect(first('../x')).rejects.toEqual(code('invalid'));
  });

  it('says that all is to be read anew when more happens at once than it can tell', async () => {
    const { told, changes } = await watch('', { maxBurst: 20 });
    await Promise.all(Array.from({ length: 1000 }, (_, i) => writeFile(join(root, `folder/f${i}`), '')));
    await told({ kind: 'resync', path: '' });
    let round = 0;
    const goesOn = async () => {
      await writeFile(join(root, `folder/sub/after${round++}`), '');
      return changes.some((change) => change.path.startsWith('folder/sub/after'));
    };
    await expect.poll(goesOn, { timeout: 30_000, interval: 20 }).toBe(true);
  });

  it('drops for a reader that does not read, and says so', async () => {
    const iterator = new FolderWatch({ root, maxWaiting: 100 }).watch('', {
      signal: new AbortController().signal,
    });
    const first = iterator.next();
    await writeUntil(first, root);
    const seen: FileChange[] = [];
    const marker = watching.length;
    const other = await watch('folder');
    expect(watching).toHaveLength(marker + 1);
    await Promise.all(Array.from({ length: 500 }, (_, i) => writeFile(join(root, `folder/f${i}`), '')));
    // Another reader has been told all of it, so this one's are waiting or dropped.
    await expect
      .poll(() => other.changes.length, { timeout: 30_000, interval: 5 })
      .toBeGreaterThanOrEqual(500);
    await writeFile(join(root, 'marker'), '');
    for await (const change of iterator) {
      seen.push(change);
      if (change.path === 'marker') break;
    }
    expect(seen.filter((change) => change.kind === 'resync')).not.toEqual([]);
    expect(seen.length).toBeLessThan(500);
  });

  it('ends when its folder is removed', async () => {
    const { told, ended } = await watch('folder');
    await rm(join(root, 'folder'), { recursive: true });
    await told({ kind: 'deleted', path: 'folder/sub', isDir: true });
    await told({ kind: 'deleted', path: 'folder', isDir: true });
    await expect(ended).rejects.toEqual(code('not-found'));
  });

  it('ends with its signal, and with a break, and leaves no watch behind', async () => {
    const { end, changes } = await watch();
    await end();
    const count = changes.length;
    await writeFile(join(root, 'late'), '');
    expect(changes).toHaveLength(count);
    for await (const _ of new FolderWatch({ root }).watch('', { signal: AbortSignal.abort() })) {
      expect.unreachable();
    }
    const controller = new AbortController();
    const iterator = new FolderWatch({ root }).watch('', { signal: controller.signal });
    const first = iterator.next();
    await writeUntil(first, root);
    await iterator.return();
    if (process.platform !== 'linux') return;
    await expect.poll(watchesOfThisProcess, { timeout: 30_000, interval: 5 }).toBe(0);
  });
});

/** What was told, without the files that only show that a watch has begun. */
function pathsOf(changes: readonly FileChange[]): string[] {
  return changes
    .map((change) => change.path)
    .filter((path) => !path.includes('probe'))
    .sort();
}

/** Makes files until the first change was told. */
async function writeUntil(first: Promise<unknown>, folder: string): Promise<void> {
  let done = false;
  const seen = first.then(() => {
    done = true;
  });
  for (let i = 0; !done; i += 1) {
    await writeFile(join(folder, `until${i}`), '');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await seen;
}

/** System watches on the folders of this test: what others in this process watch has another inode. */
function watchesOfThisProcess(): number {
  let count = 0;
  for (const fd of readdirSync('/proc/self/fdinfo')) {
    try {
      const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
      count += info.split('\n').filter((line) => line.startsWith('inotify')).length;
    } catch {
      // Closed meanwhile.
    }
  }
  return count;
}
