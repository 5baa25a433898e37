// Two agents of one config folder would be one machine that answers twice.
import { setTimeout as sleep } from 'node:timers/promises';
import lockfile from 'proper-lockfile';
import { readState } from './agent-state.ts';
import { configFiles } from './config-folder.ts';
import { PlainError } from './plain-error.ts';

/** After a crash the lock is free once nobody has touched it for so long. */
const STALE_MS = 10_000;
const RETRY_MS = 500;

/**
 * Waits for the lock of an agent that was killed a moment ago.
 *
 * @param onLost The lock was taken by another, for instance after this machine slept: to stop at once.
 * @throws PlainError when an agent runs already.
 */
export async function lockFolder(
  folder: string,
  onLost: (error: Error) => void,
): Promise<() => Promise<void>> {
  const deadline = Date.now() + 2 * STALE_MS;
  while (true) {
    try {
      return await lockfile.lock(folder, { stale: STALE_MS, onCompromised: onLost });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ELOCKED') throw cause;
      const holder = (await readState(configFiles(folder).state))?.pid;
      if ((holder !== undefined && isAlive(holder)) || Date.now() > deadline) {
        throw new PlainError(
          `An agent runs already with ${folder}. Stop it, or use another BOXYARD_CONFIG_DIR.`,
          {
            cause,
          },
        );
      }
      await sleep(RETRY_MS);
    }
  }
}

export const isLocked = (folder: string): Promise<boolean> => lockfile.check(folder, { stale: STALE_MS });

/** Of any process: whoever holds the lock and lives is most likely the agent that wrote its number. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
