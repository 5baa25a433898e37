import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError } from '../sandbox-error.ts';
import { fsErrorName } from './fs-error.ts';
import { DEFAULT_FOLDER_HOLD, type FolderHold, type HeldFolder, holdRoot, O_PATH } from './held-folder.ts';
import { checkRelativePath } from './relative-path.ts';

// What Linux itself follows at most.
const MAX_LINKS = 40;

export interface JailedFolderOptions {
  /** Absolute path of the folder that nothing leads out of. */
  readonly root: string;
  /** `descriptor` on Linux, which nobody can race; `realpath` elsewhere, which leaves a gap. */
  readonly hold?: FolderHold | undefined;
}

export interface FolderOptions {
  /** Make the folders that are missing. */
  readonly make?: boolean | undefined;
  /** Follow a link in the last place too, as long as it stays inside. True when absent. */
  readonly followLast?: boolean | undefined;
}

interface Place {
  readonly folder: HeldFolder;
  /** Null when a link led to a folder itself instead of to a name in one. */
  readonly name: string | null;
}

/**
 * A folder that no path leads out of, judged by where a path really leads: names are walked one by one from
 * the root, each opened without following links; links are read and resolved here, and refused as soon as they
 * leave. Everything throws SandboxErrors or errors of node:fs; see `sandboxErrorFromFs`.
 */
export class JailedFolder {
  readonly root: string;
  readonly #hold: FolderHold;

  constructor(options: JailedFolderOptions) {
    this.root = options.root;
    this.#hold = options.hold ?? DEFAULT_FOLDER_HOLD;
  }

  /** Holds the folder at `path` until its `release`. `not-found`, `denied`, or `invalid` when it is no folder. */
  async hold(path: string, options: FolderOptions = {}): Promise<HeldFolder> {
    return (await this.#find(path, { ...options, wanted: 'folder' })).folder;
  }

  /** Runs `use` in the folder at `path`, as `hold` finds it. */
  async withFolder<T>(
    path: string,
    use: (folder: HeldFolder) => Promise<T>,
    options: FolderOptions = {},
  ): Promise<T> {
    return useAndRelease(await this.hold(path, options), use);
  }

  /**
   * Runs `use` in the folder that holds the last name of `path`, which need not exist. With `followLast` (not
   * the default here) that is the name that a link in the last place leads to. The root is `invalid`.
   */
  async withName<T>(
    path: string,
    use: (folder: HeldFolder, name: string) => Promise<T>,
    options: FolderOptions = {},
  ): Promise<T> {
    const place = await this.#find(path, {
      ...options,
      followLast: options.followLast ?? false,
      wanted: 'name',
    });
    return useAndRelease(place.folder, (folder) => {
      if (place.name === null) throw noFileAt(path);
      return use(folder, place.name);
    });
  }

  /**
   * Opens the regular file at `path` for reading, following links that stay inside. Opening has no effect on
   * what is not a regular file (`invalid`): a FIFO's writer is not woken, a device is not touched.
   */
  async openFile(path: string): Promise<FileHandle> {
    const place = await this.#find(path, { followLast: true, wanted: 'name' });
    return useAndRelease(place.folder, async (folder) => {
      if (place.name === null) throw noFileAt(path);
      if (this.#hold === 'realpath') return openPlainFile(folder.at(place.name), path);
      const probe = await open(folder.at(place.name), O_PATH | constants.O_NOFOLLOW);
      try {
        if (!(await probe.stat()).isFile()) throw noFileAt(path);
        // Through the descriptor: what was judged is what is opened.
        return await open(`/proc/self/fd/${probe.fd}`, constants.O_RDONLY | constants.O_NONBLOCK);
      } finally {
        await probe.close();
      }
    });
  }

  /** The absolute path of a folder, for a working directory. True only until somebody renames something. */
  async resolveFolder(path: string): Promise<string> {
    return this.withFolder(path, async (folder) => join(await realpath(this.root), folder.path));
  }

  async #find(path: string, options: FolderOptions & { readonly wanted: 'folder' | 'name' }): Promise<Place> {
    const { wanted, make = false, followLast = true } = options;
    let ahead = checkRelativePath(path).split('/').filter(Boolean);
    let links = 0;
    let here = await holdRoot(this.root, this.#hold);
    const goTo = async (next: HeldFolder) => {
      const left = here;
      here = next;
      await left.release();
    };
    try {
      while (ahead.length > 0) {
        const name = ahead.shift() as string;
        if (name === '..') {
          // Only from a link: back by way of the root, for the folder may have been moved since it was opened.
          if (here.path === '') throw leavesWorkspace(path);
          ahead = [...here.path.split('/').slice(0, -1), ...ahead];
          await goTo(await holdRoot(this.root, this.#hold));
          continue;
        }
        const last = ahead.length === 0;
        if (last && wanted === 'name' && !followLast) return { folder: here, name };
        let target: string | null = null;
        if (last && wanted === 'name') {
          target = await linkTarget(here.at(name));
          if (target === null) return { folder: here, name };
        } else {
          const next = await openOrMake(here, name, make);
          if (next !== null) {
            await goTo(next);
            continue;
          }
          target = await linkTarget(here.at(name));
          if (target === null) throw notAFolder(path);
          if (last && !followLast) {
            await this.#refuseIfLeaving(target, here, path);
            throw notAFolder(path);
          }
        }
        links += 1;
        if (links > MAX_LINKS) throw tooManyLinks(path);
        const inside = await this.#inside(target, path);
        if (inside.fromRoot) await goTo(await holdRoot(this.root, this.#hold));
        ahead = [...inside.names, ...ahead];
      }
      return { folder: here, name: null };
    } catch (error) {
      await here.release().catch(() => undefined);
      throw error;
    }
  }

  /** The names of a link's target; an absolute one may name the workspace by its own path. */
  async #inside(target: string, path: string): Promise<{ names: string[]; fromRoot: boolean }> {
    const split = (text: string) => text.split('/').filter((name) => name !== '' && name !== '.');
    if (!target.startsWith('/')) return { names: split(target), fromRoot: false };
    for (const root of [this.root, await realpath(this.root)]) {
      if (target === root || target.startsWith(`${root}/`)) {
        return { names: split(target.slice(root.length)), fromRoot: true };
      }
    }
    throw leavesWorkspace(path);
  }

  /** A link that is not followed anyway still answers `denied` when it leads out: one answer for one danger. */
  async #refuseIfLeaving(target: string, here: HeldFolder, path: string): Promise<void> {
    const { names, fromRoot } = await this.#inside(target, path);
    let depth = fromRoot || here.path === '' ? 0 : here.path.split('/').length;
    for (const name of names) {
      depth += name === '..' ? -1 : 1;
      if (depth < 0) throw leavesWorkspace(path);
    }
  }
}

async function useAndRelease<T>(folder: HeldFolder, use: (folder: HeldFolder) => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await use(folder);
  } catch (error) {
    await folder.release().catch(() => undefined);
    throw error;
  }
  await folder.release();
  return result;
}

async function openOrMake(parent: HeldFolder, name: string, make: boolean): Promise<HeldFolder | null> {
  try {
    return await parent.child(name);
  } catch (error) {
    if (!make || fsErrorName(error) !== 'ENOENT') throw error;
  }
  await mkdir(parent.at(name)).catch((error) => {
    if (fsErrorName(error) !== 'EEXIST') throw error;
  });
  return parent.child(name);
}

/** Null when the name is no link or does not exist. */
async function linkTarget(path: string): Promise<string | null> {
  try {
    return await readlink(path);
  } catch (error) {
    if (['EINVAL', 'ENOENT', 'UNKNOWN'].includes(fsErrorName(error))) return null;
    throw error;
  }
}

async function openPlainFile(realPath: string, path: string): Promise<FileHandle> {
  const handle = await open(realPath, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if ((await handle.stat()).isFile()) return handle;
    throw noFileAt(path);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

const shown = (path: string) => JSON.stringify(path);

function leavesWorkspace(path: string): SandboxError {
  return new SandboxError(
    'denied',
    `The path ${shown(path)} is refused: a link in it leads out of the workspace. Use what lies inside.`,
    { started: 'no' },
  );
}

function tooManyLinks(path: string): SandboxError {
  return new SandboxError(
    'invalid',
    `The path ${shown(path)} is refused: it leads through more than ${MAX_LINKS} links. Remove the loop.`,
    { started: 'no' },
  );
}

function notAFolder(path: string): SandboxError {
  return new SandboxError(
    'invalid',
    `The path ${shown(path)} is refused: it needs a folder where there is none.`,
    {
      started: 'no',
      // As the system would say it, for those to whom it only means that nothing is there.
      cause: Object.assign(new Error('no folder'), { code: 'ENOTDIR' }),
    },
  );
}

function noFileAt(path: string): SandboxError {
  return new SandboxError(
    'invalid',
    `The path ${shown(path)} is refused: it is no regular file. Name a file.`,
    {
      started: 'no',
    },
  );
}
