// A dockerd of the tests' own: own data, own socket, nothing of the machine's own engine is seen or touched.
// It is known by its pid file, so that any test process can end what another one started.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { systemEnvironment } from './system-environment.ts';

const READY_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 60_000;
const POLL_MS = 50;

export interface Daemon {
  /** Images and containers, kept across starts. */
  readonly dataRoot: string;
  /** Short: a unix socket's path may have 107 characters. */
  readonly runFolder: string;
  readonly socketPath: string;
  readonly pidFile: string;
}

export function daemonOf(folder: string): Daemon {
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 12);
  const runFolder = join(tmpdir(), `boxyard-engine-${name}`);
  return {
    dataRoot: join(folder, 'data'),
    runFolder,
    socketPath: join(runFolder, 'docker.sock'),
    pidFile: join(runFolder, 'dockerd.pid'),
  };
}

/** Null when it does not run. */
export function pidOf({ pidFile }: Daemon): Promise<number | null> {
  return runningPid(pidFile, pidFile);
}

/** Of the process that wrote `file` and has `word` in its command line. */
async function runningPid(file: string, word: string): Promise<number | null> {
  const pid = Number(await readFile(file, 'utf8').catch(() => ''));
  if (!Number.isSafeInteger(pid) || pid <= 1) return null;
  // A number may have been given to another process since; a zombie has no command line.
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.includes(word) ? pid : null;
}

/**
 * Starts the daemon and waits until it answers.
 *
 * @throws Error with its last lines when it ends by itself or does not answer in time.
 */
export async function launch(
  daemon: Daemon,
  {
    args = [],
    ownNetwork = false,
  }: { readonly args?: readonly string[]; readonly ownNetwork?: boolean } = {},
): Promise<void> {
  await mkdir(daemon.runFolder, { recursive: true, mode: 0o700 });
  await mkdir(daemon.dataRoot, { recursive: true });
  await rm(daemon.pidFile, { force: true });
  const log = await open(logOf(daemon), 'w');
  let child: ChildProcess;
  try {
    child = spawn(
      ownNetwork ? 'unshare' : 'dockerd',
      [
        ...(ownNetwork ? ['--net', 'dockerd'] : []),
        ...['--data-root', daemon.dataRoot, '--exec-root', join(daemon.runFolder, 'exec')],
        ...['--pidfile', daemon.pidFile, '--host', `unix://${daemon.socketPath}`, ...args],
      ],
      { env: systemEnvironment(), stdio: ['ignore', log.fd, log.fd], detached: true },
    );
  } finally {
    await log.close();
  }
  let ended: string | null = null;
  child.once('error', (error) => {
    ended = error.message;
  });
  child.once('exit', (code, signal) => {
    ended = `it ended with ${signal ?? code}`;
  });
  // A test process that has nothing left to do is not held by it.
  child.unref();

  const docker = new Docker({ socketPath: daemon.socketPath });
  const deadline = Date.now() + READY_DEADLINE_MS;
  while (!(await answers(docker))) {
    const why = ended ?? (Date.now() > deadline ? 'it does not answer' : null);
    if (why !== null) throw new Error(`dockerd did not start: ${why}.\n${await lastLines(daemon)}`);
    await sleep(POLL_MS);
  }
}

/** Ends the daemon if it runs, in order (SIGTERM: containers first) or at once, and waits until it is gone. */
export async function end(daemon: Daemon, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  await endProcess('dockerd', () => pidOf(daemon), signal);
  // A killed daemon's containerd dies a moment later. A new daemon would wait for it as long as its pid is known,
  // be it that of a zombie.
  const containerd = join(daemon.runFolder, 'exec', 'containerd', 'containerd.pid');
  await endProcess('containerd', () => runningPid(containerd, 'containerd'), 'SIGKILL');
  await rm(containerd, { force: true });
}

async function endProcess(
  name: string,
  running: () => Promise<number | null>,
  signal: NodeJS.Signals,
): Promise<void> {
  const pid = await running();
  if (pid === null) return;
  process.kill(pid, signal);
  const deadline = Date.now() + STOP_DEADLINE_MS;
  while ((await running()) !== null) {
    if (Date.now() > deadline) throw new Error(`${name}, process ${pid}, does not end after ${signal}.`);
    await sleep(POLL_MS);
  }
}

async function answers(docker: Docker): Promise<boolean> {
  return docker.ping().then(
    () => true,
    () => false,
  );
}

const logOf = ({ runFolder }: Daemon) => join(runFolder, 'dockerd.log');

async function lastLines(daemon: Daemon): Promise<string> {
  const text = await readFile(logOf(daemon), 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-15).join('\n');
}
