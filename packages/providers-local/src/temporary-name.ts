import { randomBytes } from 'node:crypto';
import { lstat, unlink } from 'node:fs/promises';
import type { HeldFolder } from '@boxyard/sandbox-core/jailed-folder';

const TEMPORARY = /^\.boxyard-tmp-[0-9a-f]{32}$/;

// A transfer touches its temporary file all the time, so an hour of silence means that its process is dead.
const STALE_AFTER_MS = 3_600_000;

/** A name beside the real one for what is not whole yet. Such names are neither listed, archived nor watched. */
export function temporaryName(): string {
  return `.boxyard-tmp-${randomBytes(16).toString('hex')}`;
}

export function isTemporaryName(name: string): boolean {
  return TEMPORARY.test(name);
}

/** Removes the temporary files among these names that a killed process left behind. */
export async function sweepTemporaries(folder: HeldFolder, names: readonly string[]): Promise<void> {
  for (const name of names.filter(isTemporaryName)) {
    const stats = await lstat(folder.at(name)).catch(() => null);
    // A folder of that name holds an unpacking that was cut off: for the archives to finish or to remove.
    if (stats === null || stats.isDirectory() || Date.now() - stats.mtimeMs < STALE_AFTER_MS) continue;
    await unlink(folder.at(name)).catch(() => undefined);
  }
}
