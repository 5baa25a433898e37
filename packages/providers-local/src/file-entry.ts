import type { Stats } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { type FileEntry, type FileKind, joinPath, throwIfAborted } from '@boxyard/sandbox-core';
import { fsErrorName, type HeldFolder } from '@boxyard/sandbox-core/jailed-folder';
import { isTemporaryName, sweepTemporaries } from './temporary-name.ts';

// Enough to keep the four threads of the pool busy, few enough to leave others a turn.
const AT_ONCE = 32;

export function kindOf(stats: Pick<Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): FileKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'dir';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}

/** What lies at `at`, described without following a link; null when there is nothing. */
export async function entryAt(at: string | Buffer, path: string): Promise<FileEntry | null> {
  try {
    const stats = await lstat(at);
    const kind = kindOf(stats);
    return {
      name: path.slice(path.lastIndexOf('/') + 1),
      path,
      kind,
      sizeBytes: stats.size,
      mode: stats.mode & 0o7777,
      modifiedAt: stats.mtime,
      ...(kind === 'symlink' ? { target: await readlink(at) } : {}),
    };
  } catch (error) {
    // Also a link that was exchanged between the two calls: what it was is not there any more.
    if (['ENOENT', 'EINVAL'].includes(fsErrorName(error))) return null;
    throw error;
  }
}

/** Everything in the folder, without our own unfinished files. `path` is how the caller named it. */
export async function listFolder(
  folder: HeldFolder,
  path: string,
  signal: AbortSignal,
): Promise<FileEntry[]> {
  const raw = await readdir(folder.self, { encoding: 'buffer' });
  const names = raw.map((name) => name.toString('utf8'));
  if (names.some(isTemporaryName)) await sweepTemporaries(folder, names);
  const entries: FileEntry[] = [];
  for (let from = 0; from < raw.length; from += AT_ONCE) {
    throwIfAborted(signal, 'Listing');
    const some = raw.slice(from, from + AT_ONCE).map((bytes, i) => {
      const name = names[from + i] as string;
      return isTemporaryName(name) ? null : describe(folder, name, bytes, joinPath(path, name));
    });
    for (const entry of await Promise.all(some)) if (entry !== null) entries.push(entry);
  }
  return entries;
}

async function describe(
  folder: HeldFolder,
  name: string,
  bytes: Buffer,
  path: string,
): Promise<FileEntry | null> {
  if (Buffer.from(name).equals(bytes)) return entryAt(folder.at(name), path);
  // No text leads back to a name that is no UTF-8, so whatever it is, it can only be shown.
  const entry = await entryAt(Buffer.concat([Buffer.from(`${folder.self}/`), bytes]), path);
  return entry === null ? null : { ...entry, kind: 'other' };
}
