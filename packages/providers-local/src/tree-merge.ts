import { constants } from 'node:fs';
import { access, lstat, readdir, rename } from 'node:fs/promises';
import { joinPath, SandboxError } from '@boxyard/sandbox-core';
import { fsErrorName, type HeldFolder } from '@boxyard/sandbox-core/jailed-folder';
import { kindOf } from './file-entry.ts';

/**
 * Refuses a merge that could not be carried out: a folder where the target has something else, or the other way
 * round, or a folder that may not be written. Says so before anything is moved. Throws `invalid`, or EACCES.
 */
export async function judgeMerge(from: HeldFolder, into: HeldFolder, path = ''): Promise<void> {
  const names = await readdir(from.self);
  // Half a merge is worse than none.
  if (names.length > 0) await access(into.self, constants.W_OK | constants.X_OK);
  for (const name of names) {
    const there = await lstat(into.at(name)).catch(nullWhenAbsent);
    if (there === null) continue;
    const itemPath = joinPath(path, name);
    const isFolder = (await lstat(from.at(name))).isDirectory();
    // Also a link to a folder: it is not followed, and not replaced by what would hide what it leads to.
    if (isFolder !== there.isDirectory()) throw doesNotFit(itemPath, isFolder, kindOf(there));
    if (isFolder) await inBoth(from, into, name, (a, b) => judgeMerge(a, b, itemPath));
  }
}

/** Moves everything of `from` into `into`, each name in one step. What was moved already is not there any more. */
export async function mergeTree(from: HeldFolder, into: HeldFolder): Promise<void> {
  for (const name of await readdir(from.self)) {
    const there = await lstat(into.at(name)).catch(nullWhenAbsent);
    const here = await lstat(from.at(name)).catch(nullWhenAbsent);
    if (here === null) continue;
    if (here.isDirectory() && there?.isDirectory()) await inBoth(from, into, name, mergeTree);
    else await rename(from.at(name), into.at(name));
  }
}

async function inBoth(
  from: HeldFolder,
  into: HeldFolder,
  name: string,
  use: (from: HeldFolder, into: HeldFolder) => Promise<void>,
): Promise<void> {
  const a = await from.child(name);
  if (a === null) throw doesNotFit(name, true, 'symlink');
  try {
    const b = await into.child(name);
    if (b === null) throw doesNotFit(name, true, 'symlink');
    try {
      await use(a, b);
    } finally {
      await b.release();
    }
  } finally {
    await a.release();
  }
}

function doesNotFit(path: string, isFolder: boolean, there: string): SandboxError {
  return new SandboxError(
    'invalid',
    `Unpacking is refused: ${JSON.stringify(path)} is ${isFolder ? 'a folder' : 'no folder'} in the archive and a ${there} in the workspace. Remove one of them.`,
  );
}

function nullWhenAbsent(error: unknown): null {
  if (fsErrorName(error) === 'ENOENT') return null;
  throw error;
}
