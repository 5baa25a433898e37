// The processes of a box as the tests of the runner see them: by the mark in their environment.
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

export interface MarkedProcess {
  readonly pid: number;
  /** Its command line, with a space behind each word. */
  readonly what: string;
  readonly stopped: boolean;
}

/** Those that carry `BOXYARD_BOX=<mark>`. */
export async function markedProcesses(mark: string): Promise<readonly MarkedProcess[]> {
  const found: MarkedProcess[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '');
    if (!(await read('environ')).split('\0').includes(`BOXYARD_BOX=${mark}`)) continue;
    const what = (await read('cmdline')).replaceAll('\0', ' ');
    found.push({ pid: Number(pid), what, stopped: /^\d+ \(.*\) [Tt] /s.test(await read('stat')) });
  }
  return found;
}

/** Stops all of them, and runs `run` once none moves any more: a shell may just be starting another. */
export async function whileFrozen(mark: string, run: () => Promise<unknown>): Promise<void> {
  for (let quiet = 0; quiet < 3; ) {
    const moving = (await markedProcesses(mark)).filter(({ stopped }) => !stopped);
    quiet = moving.length === 0 ? quiet + 1 : 0;
    for (const { pid } of moving) signal(pid, 'SIGSTOP');
    await delay(10);
  }
  try {
    await run();
  } finally {
    for (const { pid } of await markedProcesses(mark)) signal(pid, 'SIGCONT');
  }
}

/** One that ended between the look and the signal needs none. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
