/** The real worker as a process of its own, ended for sure. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually } from '@tooling/eventually';
import { onTestFinished } from 'vitest';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

export interface WorkerProcess {
  readonly child: ChildProcess;
  /** What it has printed so far, both channels. */
  printed(): string;
  /** Where it tells of itself, once it is ready. */
  url(): string;
  /** Waits until it has ended; answers the exit code, or null after a signal. */
  ended(): Promise<number | null>;
}

export function spawnWorker(env: Readonly<Record<string, string>>): WorkerProcess {
  const child = spawn(process.execPath, ['--conditions=@boxyard/source', MAIN], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  const closed = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  return {
    child,
    printed: () => printed,
    url: () => /"url":"([^"]+)"/.exec(printed)?.[1] ?? '',
    ended: () => closed,
  };
}

/** One that takes up turns. */
export async function startWorkerProcess(env: Readonly<Record<string, string>>): Promise<WorkerProcess> {
  const worker = spawnWorker(env);
  await eventually('a worker that is ready', async () => {
    if (worker.child.exitCode !== null) throw new Error(`The worker ended:\n${worker.printed()}`);
    return worker.printed().includes('"msg":"ready"');
  });
  return worker;
}
