import { link, lstat, mkdir, rename, rmdir, unlink } from 'node:fs/promises';
import { SandboxError } from '@boxyard/sandbox-core';
import { fsErrorName, type HeldFolder } from '@boxyard/sandbox-core/jailed-folder';

/** A name in a folder that is held. */
export interface HeldName {
  readonly folder: HeldFolder;
  readonly name: string;
}

const at = (place: HeldName) => place.folder.at(place.name);

/** Moves without ever replacing anything, decided by the system in one step: node has no RENAME_NOREPLACE. */
export async function moveToFreeName(from: HeldName, to: HeldName): Promise<void> {
  const stats = await lstat(at(from));
  if (!stats.isDirectory()) {
    // A second name is refused when it is taken. For a link this makes a second name of the link itself.
    await link(at(from), at(to)).catch((error) => {
      throw fsErrorName(error) === 'EEXIST' ? targetTaken(to) : error;
    });
    await unlink(at(from));
    return;
  }
  // An empty folder claims the name, and a rename may replace an empty folder.
  await mkdir(at(to)).catch((error) => {
    throw fsErrorName(error) === 'EEXIST' ? targetTaken(to) : error;
  });
  try {
    await rename(at(from), at(to));
  } catch (error) {
    await rmdir(at(to)).catch(() => undefined);
    throw fsErrorName(error) === 'ENOTEMPTY' ? targetTaken(to) : error;
  }
}

/** Moves and replaces a file or an empty folder; never a folder with content, nor one kind by the other. */
export async function moveOver(from: HeldName, to: HeldName): Promise<void> {
  const source = await lstat(at(from), { bigint: true });
  const target = await lstat(at(to), { bigint: true }).catch((error) => {
    if (fsErrorName(error) === 'ENOENT') return null;
    throw error;
  });
  try {
    await rename(at(from), at(to));
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'EISDIR', 'ENOTDIR'].includes(fsErrorName(error))) throw error;
    throw new SandboxError(
      'conflict',
      `Moving to ${JSON.stringify(to.name)} is refused: a folder with content, or one in place of a file, is not replaced. Remove it first.`,
      { cause: error, started: 'no' },
    );
  }
  // Between two names of one file a rename does nothing and reports success.
  const same = target !== null && target.dev === source.dev && target.ino === source.ino;
  const samePlace = from.folder.path === to.folder.path && from.name === to.name;
  if (same && !samePlace) await unlink(at(from));
}

function targetTaken(to: HeldName): SandboxError {
  return new SandboxError(
    'conflict',
    `Moving to ${JSON.stringify(to.name)} is refused: the name exists already. Choose another, or say overwrite.`,
    { started: 'no' },
  );
}
