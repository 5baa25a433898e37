// Where a local box is kept: `<dataDir>/boxes/<group>/` with its workspace, its spool and its tag.
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, realpath, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BoxTag, SandboxError } from '@boxyard/sandbox-core';
import { sandboxErrorFromFs } from '@boxyard/sandbox-core/jailed-folder';
import { z } from 'zod';

/** A group names its folder, so it must not be a path. */
const GROUP = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;
/** What is being removed; the name can be no group's. */
const REMOVED = '.removed-';

const StoredTag = z.object({ deployment: z.string(), group: z.string(), epoch: z.int().nonnegative() });

export interface BoxPlace {
  readonly group: string;
  readonly folder: string;
  readonly workspace: string;
  readonly spool: string;
  /**
   * Tells this box's processes from all others of the machine. Of the folder, not of the group: two data folders
   * may hold boxes of one name, and ending one must not end the other.
   */
  readonly mark: string;
}

/** Made by who first keeps something there. */
export const keepOf = ({ folder }: Pick<BoxPlace, 'folder'>): string => join(folder, 'keep');

export class BoxFolders {
  readonly #boxes: string;

  constructor(dataDir: string) {
    this.#boxes = join(dataDir, 'boxes');
  }

  /** @throws SandboxError `invalid` for a name that could lead elsewhere. */
  place(group: string): BoxPlace {
    if (!GROUP.test(group)) {
      throw new SandboxError(
        'invalid',
        `A local box cannot be called ${JSON.stringify(group)}. Use letters, digits, - and _.`,
        { started: 'no' },
      );
    }
    const folder = join(this.#boxes, group);
    return this.#placeAt(group, folder);
  }

  /** Makes the box's folders, or finds them: whoever comes second adopts what is there. */
  async make(tag: BoxTag): Promise<BoxPlace> {
    const place = this.place(tag.group);
    try {
      await mkdir(this.#boxes, { recursive: true, mode: 0o700 });
      await mkdir(place.folder, { recursive: true, mode: 0o700 });
      const present = await this.tag(tag.group);
      if (present !== null && present.deployment !== tag.deployment) {
        throw new SandboxError(
          'conflict',
          `The box ${tag.group} belongs to deployment ${present.deployment}. Use another data folder.`,
          { started: 'no' },
        );
      }
      if (present === null || present.epoch < tag.epoch) await this.#writeTag(place, tag);
      await mkdir(place.spool, { recursive: true, mode: 0o700 });
      // Last: a box is there once its workspace is.
      await mkdir(place.workspace, { recursive: true, mode: 0o755 });
      return await this.#real(place);
    } catch (error) {
      throw sandboxErrorFromFs(error, `Making the box ${tag.group}`);
    }
  }

  /** @throws SandboxError `gone` when its workspace is not there, `unreachable` when that cannot be told. */
  async find(group: string): Promise<BoxPlace> {
    const place = this.place(group);
    try {
      if (!(await stat(place.workspace)).isDirectory()) throw gone(group);
      return await this.#real(place);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'ENOTDIR') throw gone(group);
      if (SandboxError.isInstance(error)) throw error;
      throw new SandboxError('unreachable', `The box ${group} cannot be looked at. Check its data folder.`, {
        cause: error,
        started: 'no',
      });
    }
  }

  /** Null when there is none, or none that can be read: such a box is nobody's. */
  async tag(group: string): Promise<BoxTag | null> {
    try {
      const parsed = StoredTag.safeParse(
        JSON.parse(await readFile(this.#tagFile(this.place(group)), 'utf8')),
      );
      return parsed.success && parsed.data.group === group ? parsed.data : null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
      throw error;
    }
  }

  /** Every group that has a workspace. */
  async list(): Promise<readonly string[]> {
    const names = await readdir(this.#boxes).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const found: string[] = [];
    for (const name of names.filter((one) => GROUP.test(one))) {
      if ((await stat(this.place(name).workspace).catch(() => null))?.isDirectory()) found.push(name);
    }
    return found;
  }

  /** At once for everybody who looks, whatever happens while its files are being removed. */
  async remove(group: string): Promise<void> {
    const { folder } = this.place(group);
    try {
      await rename(folder, join(this.#boxes, `${REMOVED}${randomUUID()}`));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        throw sandboxErrorFromFs(error, `Removing the box ${group}`);
      }
    }
    // Also what an earlier removal left when its process died.
    for (const name of await readdir(this.#boxes).catch(() => [])) {
      if (!name.startsWith(REMOVED)) continue;
      await rm(join(this.#boxes, name), { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    }
  }

  async #real(place: BoxPlace): Promise<BoxPlace> {
    // A data folder behind a link: commands see their real working directory, and so must everybody else.
    const folder = await realpath(place.folder);
    return this.#placeAt(place.group, folder);
  }

  #placeAt(group: string, folder: string): BoxPlace {
    const mark = createHash('sha256').update(folder).digest('hex').slice(0, 32);
    return { group, folder, workspace: join(folder, 'workspace'), spool: join(folder, 'spool'), mark };
  }

  async #writeTag(place: BoxPlace, { deployment, group, epoch }: BoxTag): Promise<void> {
    const temporary = `${this.#tagFile(place)}.${randomUUID()}`;
    try {
      await writeFile(temporary, `${JSON.stringify({ deployment, group, epoch })}\n`, { mode: 0o600 });
      await rename(temporary, this.#tagFile(place));
    } catch (error) {
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
  }

  #tagFile(place: BoxPlace): string {
    return join(place.folder, 'tag.json');
  }
}

/** The proof that a box is absent. */
export function gone(group: string): SandboxError {
  return new SandboxError('gone', `The box ${group} does not exist any more. Create it anew.`, {
    started: 'no',
    stage: 'resume',
  });
}
