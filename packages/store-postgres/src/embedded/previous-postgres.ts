/**
 * What an earlier server left in the cluster: a PostgreSQL that outlived it for a moment, or only the file that
 * names one. Called with the server lock held, so whatever runs here has no server any more.
 */
import { readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SandboxError } from '@boxyard/sandbox-core';
import { type DataFolder, openSocketPath } from './data-folder.ts';
import { processesWorkingIn } from './process-identity.ts';

// The guardian of a server that died gives PostgreSQL 5 s; we take no longer, and then the same again by force.
const STOP_MS = 6_000;
const KILL_MS = 5_000;
const POLL_MS = 20;

/** Afterwards no process works in the cluster and no stale postmaster.pid is in the way. */
export async function clearPreviousPostgres(folder: DataFolder): Promise<void> {
  const pidFile = join(folder.cluster, 'postmaster.pid');
  const named = Number((await readFile(pidFile, 'utf8').catch(() => '')).split('\n', 1)[0]);
  if (process.platform !== 'linux') {
    // Without /proc nobody can be told by where he works: PostgreSQL's own check of the file decides.
    return;
  }
  const working = await processesWorkingIn(folder.cluster);
  if (working.length === 0 && (await socketAnswers(folder.cluster))) {
    throw new SandboxError(
      'conflict',
      `The data folder ${folder.path} is in use by a PostgreSQL that this machine's processes do not show, perhaps in another container. Stop it, or use another data folder.`,
      { started: 'no' },
    );
  }
  // The postmaster asks its children to end; without one, they end by themselves.
  if (working.includes(named)) signalProcess(named, 'SIGINT');
  if (!(await nobodyWorksIn(folder.cluster, STOP_MS))) {
    for (const pid of await processesWorkingIn(folder.cluster)) signalProcess(pid, 'SIGKILL');
    if (!(await nobodyWorksIn(folder.cluster, KILL_MS))) {
      throw new SandboxError(
        'conflict',
        `The data folder ${folder.path} is still used by an earlier PostgreSQL that does not end. Stop its processes and start again.`,
        { started: 'no', retryable: true },
      );
    }
  }
  // Nobody works here, so whatever process has the pid in it now is another one.
  await rm(pidFile, { force: true });
}

async function nobodyWorksIn(cluster: string, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  for (;;) {
    if ((await processesWorkingIn(cluster)).length === 0) return true;
    if (performance.now() > end) return false;
    await delay(POLL_MS);
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function socketAnswers(cluster: string): Promise<boolean> {
  const socketPath = openSocketPath(cluster);
  if (socketPath === null) return false;
  try {
    return await new Promise<boolean>((resolve) => {
      const socket = connect(socketPath.path);
      const answer = (answers: boolean) => {
        socket.destroy();
        resolve(answers);
      };
      socket.once('connect', () => answer(true));
      socket.once('error', () => answer(false));
    });
  } finally {
    socketPath.close();
  }
}
