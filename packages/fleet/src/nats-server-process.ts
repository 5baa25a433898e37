// One nats-server as a child process, and the one that a killed control plane left behind.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SandboxError } from '@boxyard/sandbox-core';

const READY_DEADLINE_MS = 15_000;
const POLL_MS = 25;
/** It says goodbye to its clients in order; one that hangs is killed. */
const STOP_GRACE_MS = 3_000;
const LOG_TAIL_CHARACTERS = 1_000;

/** The files of one server; the folder is the control plane's alone. */
export const natsFiles = (folder: string) => ({
  config: join(folder, 'nats-server.conf'),
  pid: join(folder, 'nats-server.pid'),
  log: join(folder, 'nats-server.log'),
});

export interface NatsServerProcess {
  readonly pid: number;
  readonly port: number;
  /** Resolves once it is gone, however that came. */
  readonly exited: Promise<void>;
  /** In order, by force when that takes too long. */
  stop(): Promise<void>;
}

/**
 * Starts it on the configuration in the folder and resolves once it listens.
 *
 * @throws SandboxError `configuration` when the program is missing or does not take the configuration.
 */
export async function startNatsProcess(folder: string, program: string): Promise<NatsServerProcess> {
  const files = natsFiles(folder);
  await removePortFiles(folder);
  // A group of its own: Ctrl-C in a terminal reaches us alone, and we end it after our last request.
  const child = spawn(program, ['--config', files.config], { stdio: 'ignore', detached: true });
  const failed = Promise.withResolvers<never>();
  child.once('error', (cause) => failed.reject(notStarted(`${program} cannot be run`, cause)));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  // Looked at below, and by nobody once it listens.
  failed.promise.catch(() => {});
  try {
    const port = await Promise.race([
      portOnceReady(folder, child),
      failed.promise,
      exited.then(async () => {
        throw notStarted(`it ended at once: ${await tailOf(files.log)}`);
      }),
    ]);
    child.unref();
    return {
      pid: child.pid!,
      port,
      exited,
      stop: () => endChild(child, exited),
    };
  } catch (error) {
    if (child.pid !== undefined) await endChild(child, exited);
    throw error;
  }
}

async function endChild(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
  await exited;
  clearTimeout(late);
}

/**
 * Ends the server that was started on this folder by a control plane that was killed. Two would answer under the
 * same name, each to half of the machines.
 */
export async function endSurvivor(folder: string): Promise<void> {
  const files = natsFiles(folder);
  const pid = Number(await readFile(files.pid, 'utf8').catch(() => ''));
  if (!Number.isSafeInteger(pid) || pid <= 1) return;
  // The number may be somebody else's by now: what was started on our file is ours.
  const isOurs = async () => (await commandLineOf(pid)).includes(files.config);
  for (let waitedMs = 0; await isOurs(); waitedMs += POLL_MS) {
    if (waitedMs === 0) signal(pid, 'SIGTERM');
    if (waitedMs >= STOP_GRACE_MS) signal(pid, 'SIGKILL');
    await delay(POLL_MS);
  }
  await rm(files.pid, { force: true });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended between the look and the signal.
  }
}

/** Empty when there is no such process, or it has ended and nobody collected it. */
async function commandLineOf(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  }
  const asked = promisify(execFile)('ps', ['-ww', '-o', 'command=', '-p', String(pid)]);
  return asked.then(({ stdout }) => stdout).catch(() => '');
}

/** It chose a free port itself, or was given one, and tells it in a file named by its pid. */
async function portOnceReady(folder: string, child: ChildProcess): Promise<number> {
  for (let waitedMs = 0; waitedMs < READY_DEADLINE_MS; waitedMs += POLL_MS) {
    const text = await readFile(join(folder, `nats-server_${child.pid}.ports`), 'utf8').catch(() => '');
    const port = /"(?:nats|tls):\/\/[^"]*:(\d+)"/.exec(text)?.[1];
    if (port !== undefined) return Number(port);
    await delay(POLL_MS);
  }
  throw notStarted(`it does not listen after ${READY_DEADLINE_MS / 1000} s`);
}

/** What killed servers left: a later one may get the same pid. */
async function removePortFiles(folder: string): Promise<void> {
  const names = await readdir(folder);
  const stale = names.filter((name) => /^nats-server_\d+\.ports$/.test(name));
  await Promise.all(stale.map((name) => rm(join(folder, name), { force: true })));
}

const tailOf = async (file: string): Promise<string> =>
  (await readFile(file, 'utf8').catch(() => '')).slice(-LOG_TAIL_CHARACTERS).trim();

const notStarted = (why: string, cause?: unknown): SandboxError =>
  new SandboxError(
    'configuration',
    `The NATS server of the machines did not start: ${why}. Install nats-server, free its port, or set BOXYARD_MACHINES_NATS_URL.`,
    { stage: 'machines.nats', started: 'no', ...(cause === undefined ? {} : { cause }) },
  );
