// A container that was being made when its engine was told to end leaves its network namespace mounted, and what is
// mounted cannot be removed.
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemEnvironment } from './system-environment.ts';

const run = promisify(execFile);

/** Of an engine that has ended. One that is not mounted any more is fine. */
export async function unmountNetworks(runFolder: string): Promise<void> {
  const folder = join(runFolder, 'exec', 'netns');
  for (const name of await readdir(folder).catch(() => [])) {
    await run('umount', ['--lazy', join(folder, name)], { env: systemEnvironment() }).catch(() => undefined);
  }
}
