// Removes a tree without ever leaving it: node's own recursive removal goes by path, so a folder that is
// exchanged with a link meanwhile leads it outside.
import { chmod, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { throwIfAborted } from '@boxyard/sandbox-core';
import { fsErrorName, type HeldFolder } from '@boxyard/sandbox-core/jailed-folder';
import { temporaryName } from './temporary-name.ts';

// One descriptor per level is held; what lies deeper is moved up and removed from there.
const MAX_HELD_DEPTH = 64;
// Somebody may go on adding while we remove.
const MAX_ROUNDS = 20;

interface Removal {
  readonly top: HeldFolder;
  readonly pending: string[];
  readonly signal: AbortSignal | undefined;
}

/** Removes `name` and everything below it. A name that is gone is fine; so is one that goes meanwhile. */
export async function removeTree(folder: HeldFolder, name: string, signal?: AbortSignal): Promise<void> {
  const removal: Removal = { top: folder, pending: [name], signal };
  for (let next = removal.pending.pop(); next !== undefined; next = removal.pending.pop()) {
    await removeName(folder, next, 0, removal);
  }
}

async function removeName(folder: HeldFolder, name: string, depth: number, removal: Removal): Promise<void> {
  throwIfAborted(removal.signal, `Removing ${JSON.stringify(name)}`);
  for (let round = 0; ; round += 1) {
    if (await unlinked(folder, name)) return;
    if (depth > MAX_HELD_DEPTH) {
      const above = temporaryName();
      await rename(folder.at(name), removal.top.at(above));
      removal.pending.push(above);
      return;
    }
    const child = await folder.child(name);
    if (child !== null) {
      try {
        await removeContent(child, depth, removal);
      } finally {
        await child.release();
      }
    }
    try {
      await rmdir(folder.at(name));
      return;
    } catch (error) {
      const failure = fsErrorName(error);
      if (failure === 'ENOENT') return;
      // Filled again, or exchanged with something that is no folder.
      if (!['ENOTEMPTY', 'ENOTDIR'].includes(failure) || round >= MAX_ROUNDS) throw error;
    }
  }
}

async function removeContent(folder: HeldFolder, depth: number, removal: Removal): Promise<void> {
  const { mode } = await stat(folder.self);
  // A read-only folder goes as well when its owner removes the tree that holds it.
  if ((mode & 0o700) !== 0o700) await chmod(folder.self, (mode & 0o7777) | 0o700);
  for (const entry of await readdir(folder.self, { encoding: 'buffer' })) {
    const name = await decodableName(folder, entry);
    if (name !== null) await removeName(folder, name, depth + 1, removal);
  }
}

/** The name as text; one that is no UTF-8 is renamed first. Null when it is gone. */
async function decodableName(folder: HeldFolder, entry: Buffer): Promise<string | null> {
  const text = entry.toString('utf8');
  if (Buffer.from(text).equals(entry)) return text;
  const name = temporaryName();
  try {
    await rename(Buffer.concat([Buffer.from(`${folder.self}/`), entry]), folder.at(name));
    return name;
  } catch (error) {
    if (fsErrorName(error) === 'ENOENT') return null;
    throw error;
  }
}

/** False when the name is a folder. */
async function unlinked(folder: HeldFolder, name: string): Promise<boolean> {
  try {
    await unlink(folder.at(name));
    return true;
  } catch (error) {
    const failure = fsErrorName(error);
    if (failure === 'ENOENT') return true;
    // Linux answers EISDIR for a folder, POSIX and macOS EPERM.
    if (failure === 'EISDIR' || (failure === 'EPERM' && process.platform !== 'linux')) return false;
    throw error;
  }
}
