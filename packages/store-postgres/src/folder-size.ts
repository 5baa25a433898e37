import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Bytes of all files below a folder; links count as links. What goes while it is counted is left out. One folder
 * is looked at at a time: a count must not take the disk from those who work on it.
 */
export async function folderSizeBytes(folder: string): Promise<number> {
  let total = 0;
  for (const pending = [folder]; pending.length > 0; ) {
    const at = pending.pop()!;
    const entries = (await readdir(at, { withFileTypes: true }).catch(absent)) ?? [];
    pending.push(...entries.filter((entry) => entry.isDirectory()).map((entry) => join(at, entry.name)));
    const files = entries.filter((entry) => !entry.isDirectory());
    const sizes = await Promise.all(files.map((entry) => lstat(join(at, entry.name)).catch(absent)));
    for (const size of sizes) total += size?.size ?? 0;
  }
  return total;
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
