// Overlay on most file systems knows no quota of a container. btrfs does, and a file can be a btrfs disk.
import { execFile } from 'node:child_process';
import { open, readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { systemEnvironment } from './system-environment.ts';

const run = promisify(execFile);
/** Sparse: it takes what is written, not what it could hold. */
const DISK_BYTES = 4 * 1024 ** 3;

/** Mounts the disk `image` at `folder`, made when it is missing. Mounted already is fine. */
export async function mountQuotaDisk(folder: string, image: string): Promise<void> {
  if (await isMounted(folder)) return;
  const present = await stat(image).catch(() => null);
  if (present === null) {
    const file = await open(image, 'wx');
    await file.truncate(DISK_BYTES);
    await file.close();
    await run('mkfs.btrfs', ['-q', image], { env: systemEnvironment() });
  }
  await run('mount', ['-o', 'loop', image, folder], { env: systemEnvironment() });
}

export async function unmountQuotaDisk(folder: string): Promise<void> {
  if (await isMounted(folder)) await run('umount', ['--recursive', folder], { env: systemEnvironment() });
}

async function isMounted(folder: string): Promise<boolean> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  return mounts.split('\n').some((line) => line.split(' ')[1] === folder);
}
