import { constants } from 'node:fs';
import { chmod, link, lutimes, mkdir, open, stat, symlink, unlink, utimes } from 'node:fs/promises';
import { type ArchiveMember, SandboxError, splitPath } from '@boxyard/sandbox-core';
import { fsErrorName, type HeldFolder, JailedFolder } from '@boxyard/sandbox-core/jailed-folder';

import { isTemporaryName } from './temporary-name.ts';

const FILE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

interface FolderAttributes {
  readonly path: string;
  readonly mode: number;
  readonly mtimeNs: bigint;
}

/** Makes the members of an archive below one folder, each where it belongs and never through a link. */
export class TreeWriter {
  readonly #jail: JailedFolder;
  readonly #keepSetId: boolean;
  readonly #folders: FolderAttributes[] = [];
  #held: HeldFolder | null = null;

  /** `keepSetId`: set-user-id and set-group-id bits only from archives of our own. */
  constructor(root: HeldFolder, options: { readonly keepSetId: boolean }) {
    this.#jail = new JailedFolder({ root: root.self });
    this.#keepSetId = options.keepSetId;
  }

  async make(member: ArchiveMember): Promise<void> {
    const place = splitPath(member.path);
    if (place === null) return;
    if (isTemporaryName(place.name)) throw reservedName(member.path);
    const folder = await this.#hold(place.folder);
    const at = folder.at(place.name);
    switch (member.kind) {
      case 'dir':
        await mkdir(at, { mode: 0o700 }).catch((error) => {
          // Made already for a member that came before it.
          if (fsErrorName(error) !== 'EEXIST') throw error;
        });
        this.#folders.push({ path: member.path, mode: this.#mode(member.mode), mtimeNs: member.mtimeNs });
        return;
      case 'symlink':
        await symlink(member.target, at);
        await lutimes(at, seconds(member.mtimeNs), seconds(member.mtimeNs));
        return;
      case 'hardlink': {
        const target = splitPath(member.target);
        if (target === null) return;
        await this.#jail.withFolder(target.folder, (from) => link(from.at(target.name), at));
        return;
      }
      case 'file': {
        if (member.again) await unlink(at);
        const handle = await open(at, FILE_FLAGS, 0o600);
        try {
          for await (const chunk of member.content) {
            for (let done = 0; done < chunk.length; ) {
              done += (await handle.write(chunk, done, chunk.length - done)).bytesWritten;
            }
          }
          await handle.chmod(this.#mode(member.mode));
          await handle.utimes(seconds(member.mtimeNs), seconds(member.mtimeNs));
        } finally {
          await handle.close();
        }
      }
    }
  }

  /** Permissions and times of folders come last: a read-only one could not be filled, and filling changes times. */
  async finish(): Promise<void> {
    await this.#letGo();
    for (const { path, mode, mtimeNs } of this.#folders.reverse()) {
      await this.#jail.withFolder(path, async (folder) => {
        // Open to its owner until it is in place: moving a folder needs that.
        await chmod(folder.self, mode | 0o700);
        await utimes(folder.self, seconds(mtimeNs), seconds(mtimeNs));
      });
    }
  }

  /** Takes from folders, now in place, what their owner only needed for the move. */
  async closeFolders(target: HeldFolder): Promise<void> {
    const jail = new JailedFolder({ root: target.self });
    for (const { path, mode } of this.#folders.filter((folder) => (folder.mode & 0o700) !== 0o700)) {
      await jail.withFolder(path, async (folder) => {
        const now = (await stat(folder.self)).mode & 0o7777;
        // Another mode is that of a folder which was there before and took the members in.
        if (now === (mode | 0o700)) await chmod(folder.self, mode);
      });
    }
  }

  async release(): Promise<void> {
    await this.#letGo();
  }

  /** Archives come folder by folder, so the last one is nearly always the right one. */
  async #hold(path: string): Promise<HeldFolder> {
    if (this.#held?.path === path) return this.#held;
    await this.#letGo();
    this.#held = await this.#jail.hold(path, { make: true });
    return this.#held;
  }

  async #letGo(): Promise<void> {
    const held = this.#held;
    this.#held = null;
    await held?.release();
  }

  #mode(mode: number): number {
    return this.#keepSetId ? mode : mode & 0o1777;
  }
}

function reservedName(path: string): SandboxError {
  return new SandboxError(
    'invalid',
    `The archive is refused for its member ${JSON.stringify(path)}: such names are kept for unfinished files. Leave it out.`,
  );
}

/** What node:fs takes: good to the microsecond for times of our age. */
const seconds = (ns: bigint) => Number(ns) / 1e9;
