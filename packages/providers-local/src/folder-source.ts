// Reads a folder tree for an archive: by descriptor from folder to folder, so that no link is ever followed.
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink, stat } from 'node:fs/promises';
import { type ArchiveItem, type FileReading, joinPath } from '@boxyard/sandbox-core';
import { fsErrorName, type HeldFolder } from '@boxyard/sandbox-core/jailed-folder';
import { kindOf } from './file-entry.ts';
import { isTemporaryName } from './temporary-name.ts';

const CHUNK_BYTES = 256 * 1024;

/** Everything below the folder, each folder before what it holds, names sorted; nothing is left out. */
export async function* folderItems(folder: HeldFolder, path = ''): AsyncGenerator<ArchiveItem, void, void> {
  const subfolders: string[] = [];
  for (const bytes of (await readdir(folder.self, { encoding: 'buffer' })).sort(Buffer.compare)) {
    const name = bytes.toString('utf8');
    if (isTemporaryName(name)) continue;
    const itemPath = joinPath(path, name);
    if (!Buffer.from(name).equals(bytes)) {
      // A tar could hold such a name, what reads paths as text could not ask for it: said, not dropped silently.
      yield { kind: 'skipped', path: itemPath, was: 'file', mode: 0 };
      continue;
    }
    const item = await itemAt(folder, name, itemPath);
    if (item === 'folder') subfolders.push(name);
    else if (item !== null) yield item;
  }
  for (const name of subfolders) yield* subfolderItems(folder, name, joinPath(path, name));
}

async function itemAt(
  folder: HeldFolder,
  name: string,
  path: string,
): Promise<ArchiveItem | 'folder' | null> {
  try {
    const stats = await lstat(folder.at(name), { bigint: true });
    const kind = kindOf(stats);
    switch (kind) {
      case 'dir':
        return 'folder';
      case 'symlink':
        return { kind, path, mtimeNs: stats.mtimeNs, target: await readlink(folder.at(name)) };
      case 'other':
        return { kind: 'skipped', path, was: kind, mode: Number(stats.mode & 0o7777n) };
      case 'file':
        return { kind, path, open: () => openReading(folder, name) };
    }
  } catch (error) {
    // Gone, or exchanged between the two calls.
    if (['ENOENT', 'EINVAL'].includes(fsErrorName(error))) return null;
    throw error;
  }
}

async function* subfolderItems(
  folder: HeldFolder,
  name: string,
  path: string,
): AsyncGenerator<ArchiveItem, void, void> {
  const child = await folder.child(name).catch((error) => {
    if (fsErrorName(error) === 'ENOENT') return null;
    throw error;
  });
  if (child === null) return;
  try {
    const stats = await stat(child.self, { bigint: true });
    const mode = Number(stats.mode & 0o7777n);
    const items = folderItems(child, path);
    const first = await items.next().catch((error) => {
      if (fsErrorName(error) === 'EACCES') return null;
      throw error;
    });
    if (first === null) {
      yield { kind: 'skipped', path, was: 'dir', mode };
      return;
    }
    yield { kind: 'dir', path, mode, mtimeNs: stats.mtimeNs };
    if (first.done) return;
    yield first.value;
    yield* items;
  } finally {
    await child.release();
  }
}

async function openReading(folder: HeldFolder, name: string): Promise<FileReading | 'gone' | 'unreadable'> {
  let handle: FileHandle;
  try {
    handle = await open(folder.at(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENXIO'].includes(fsErrorName(error))) return 'gone';
    if (['EACCES', 'EPERM'].includes(fsErrorName(error))) return 'unreadable';
    throw error;
  }
  const before = await handle.stat({ bigint: true });
  if (!before.isFile()) {
    await handle.close();
    return 'gone';
  }
  const sizeBytes = Number(before.size);
  let position = 0;
  return {
    sizeBytes,
    mode: Number(before.mode & 0o7777n),
    mtimeNs: before.mtimeNs,
    async next() {
      const step = Math.min(CHUNK_BYTES, sizeBytes - position);
      if (step <= 0) return null;
      const { bytesRead, buffer } = await handle.read(new Uint8Array(step), 0, step, position);
      position += bytesRead;
      return bytesRead === 0 ? null : buffer.subarray(0, bytesRead);
    },
    async changed() {
      const after = await handle.stat({ bigint: true });
      return (
        after.size !== before.size || after.mtimeNs !== before.mtimeNs || after.ctimeNs !== before.ctimeNs
      );
    },
    close: () => handle.close(),
  };
}
