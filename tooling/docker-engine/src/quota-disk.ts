// Overlay on most file systems knows no quota of a container. btrfs does, and a file can be a btrfs disk.
import { execFile } from 'node:child_process';
import { open, readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemEnvironment } from './system-environment.ts';

const run = promisify(execFile);
/** Sparse: it takes what is written, not what it could hold. */
const DISK_BYTES = 4 * 1024 ** 3;
const UNMOUNT_DEADLINE_MS = 30_000;
const UNMOUNT_PAUSE_MS = 100;

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
  const deadline = Date.now() + UNMOUNT_DEADLINE_MS;
  while (await isMounted(folder)) {
    try {
      await run('umount', ['--recursive', folder], { env: systemEnvironment() });
    } catch (error) {
      // What the daemon started lets go of its files a moment after the daemon has ended.
      if (Date.now() > deadline) throw error;
      await sleep(UNMOUNT_PAUSE_MS);
    }
  }
}

async function isMounted(folder: string): Promise<boolean> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  return mounts.split('\n').some((line) => line.split(' ')[1] === folder);
}
