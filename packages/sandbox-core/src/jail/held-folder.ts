// How one folder is held while something is done in it, so that a rename or a link that is put in its place
// meanwhile cannot lead the work elsewhere.
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError } from '../sandbox-error.ts';
import { fsErrorName } from './fs-error.ts';
import { joinPath } from './relative-path.ts';

/** One folder below the root that is held open. Valid only inside the function that was given it. */
export interface HeldFolder {
  /** Where it really is, relative to the root and without links; the root is the empty string. */
  readonly path: string;
  /** A path for node:fs that leads to this very folder. */
  readonly self: string;
  /** A path for node:fs to a name in this very folder. The name's own links are the caller's to refuse. */
  at(name: string): string;
  /** The folder of that name in this one, never through a link; null when the name is none. */
  child(name: string): Promise<HeldFolder | null>;
  /** Lets go. Throws `denied` where it turns out only now that the folder was exchanged. */
  release(): Promise<void>;
}

// Linux only and absent from node:fs; the same number on every platform that Node runs on there. A folder held
// this way needs no permission to be read, and opening has no side effect, whatever the name turns out to be.
export const O_PATH = 0o10000000;

const FOLDER_FLAGS = O_PATH | constants.O_DIRECTORY;

class DescriptorFolder implements HeldFolder {
  readonly path: string;
  readonly self: string;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.path = path;
    this.self = `/proc/self/fd/${handle.fd}`;
  }

  at(name: string): string {
    return `${this.self}/${name}`;
  }

  async child(name: string): Promise<HeldFolder | null> {
    try {
      const handle = await open(this.at(name), FOLDER_FLAGS | constants.O_NOFOLLOW);
      return new DescriptorFolder(handle, joinPath(this.path, name));
    } catch (error) {
      // A link answers ENOTDIR with these flags, or ELOOP on other file systems.
      if (['ENOTDIR', 'ELOOP'].includes(fsErrorName(error))) return null;
      throw error;
    }
  }

  async release(): Promise<void> {
    await this.#handle.close();
  }
}

/** Where descriptors have no path: checked before and after, with a gap in between. */
class RealpathFolder implements HeldFolder {
  readonly path: string;
  readonly self: string;

  constructor(self: string, path: string) {
    this.self = self;
    this.path = path;
  }

  at(name: string): string {
    return join(this.self, name);
  }

  async child(name: string): Promise<HeldFolder | null> {
    const self = this.at(name);
    if (!(await lstat(self)).isDirectory()) return null;
    const child = new RealpathFolder(self, joinPath(this.path, name));
    await child.release();
    return child;
  }

  async release(): Promise<void> {
    const real = await realpath(this.self).catch(() => null);
    // A folder that is gone was removed, for instance by the work itself; one that is elsewhere was exchanged.
    if (real === null || real === this.self) return;
    throw new SandboxError(
      'denied',
      `Working in ${JSON.stringify(this.path)} failed: the folder was exchanged meanwhile. Try again.`,
    );
  }
}

/** How folders are held: by descriptor on Linux, by comparing real paths elsewhere. */
export type FolderHold = 'descriptor' | 'realpath';

export const DEFAULT_FOLDER_HOLD: FolderHold = process.platform === 'linux' ? 'descriptor' : 'realpath';

/** Opens the root itself; links in the host's own path to it are the host's business. */
export async function holdRoot(root: string, hold: FolderHold): Promise<HeldFolder> {
  try {
    if (hold === 'descriptor') return new DescriptorFolder(await open(root, FOLDER_FLAGS), '');
    const real = await realpath(root);
    if (!(await lstat(real)).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    return new RealpathFolder(real, '');
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(fsErrorName(error))) throw error;
    throw new SandboxError('gone', 'The workspace folder does not exist any more. Create the box anew.', {
      cause: error,
      started: 'no',
    });
  }
}
