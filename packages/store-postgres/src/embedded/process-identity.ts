/**
 * Tells one process from a later one that got the same number, also across reboots: a lock file outlives both.
 * And finds the processes of a folder.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { readProcessStat } from '@boxyard/sandbox-core';

export interface BootedProcess {
  readonly pid: number;
  /** Opaque: compared, never parsed. */
  readonly startedAt: string;
}

const run = promisify(execFile);

/** Answers null when there is no such process (a zombie is none: nothing of it runs). */
export async function identifyProcess(pid: number): Promise<BootedProcess | null> {
  return process.platform === 'linux' ? identifyFromProc(pid) : identifyFromPs(pid);
}

export async function isAlive(identity: BootedProcess): Promise<boolean> {
  const now = await identifyProcess(identity.pid);
  return now !== null && now.startedAt === identity.startedAt;
}

async function identifyFromProc(pid: number): Promise<BootedProcess | null> {
  const stat = await readProcessStat(pid);
  if (stat === null || stat.state === 'Z' || stat.state === 'X') return null;
  // Ticks count from the boot, so without it they name another process after the next one.
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  return { pid, startedAt: `${bootId}/${stat.startTicks}` };
}

async function identifyFromPs(pid: number): Promise<BootedProcess | null> {
  try {
    const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)], {
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      timeout: 5_000,
    });
    return stdout.trim() === '' ? null : { pid, startedAt: stdout.trim() };
  } catch (error) {
    // ps exits with 1 when it found none.
    if ((error as { code?: unknown }).code === 1) return null;
    throw error;
  }
}

/** Processes whose working directory is that folder, by inode, so that another spelling of its path is found too. */
export async function processesWorkingIn(folder: string): Promise<readonly number[]> {
  const wanted = await stat(folder).catch(noProcess);
  if (wanted === null) return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const cwd = await stat(`/proc/${pid}/cwd`).catch(noProcess);
      if (cwd === null || cwd.dev !== wanted.dev || cwd.ino !== wanted.ino) return null;
      const executable = await readlink(`/proc/${pid}/exe`).catch(noProcess);
      return executable === null ? null : Number(pid);
    }),
  );
  return found.filter((pid) => pid !== null);
}

/** A process of somebody else cannot be looked into and is none of ours. */
function noProcess(error: unknown): null {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return null;
  throw error;
}
