// The agent as it is run: a process with a config folder of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../src/main.ts');

export interface AgentRun {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<number | null>;
}

export interface TestMachine extends AsyncDisposable {
  readonly folder: string;
  readonly home: string;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): AgentRun;
}

export async function openTestMachine(): Promise<TestMachine> {
  const root = await mkdtemp(join(tmpdir(), 'agent-'));
  const [folder, home] = [join(root, 'config'), join(root, 'home')];
  await mkdir(home);
  const runs: AgentRun[] = [];
  return {
    folder,
    home,
    start(args, env = {}) {
      const child = spawn(process.execPath, ['--conditions=@boxyard/source', MAIN, ...args], {
        env: { PATH: process.env.PATH, USER: 'ada', HOME: home, BOXYARD_CONFIG_DIR: folder, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const output = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr'] as const) {
        child[name].setEncoding('utf8').on('data', (text: string) => {
          output[name] += text;
        });
      }
      const run = { child, output, ended: once(child, 'close').then(([code]) => code as number | null) };
      runs.push(run);
      return run;
    },
    async [Symbol.asyncDispose]() {
      for (const { child } of runs) child.kill('SIGKILL');
      await Promise.all(runs.map(({ ended }) => ended));
      await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}
