// The agent of a machine as its owner runs it: a process with a home of its own, let in by a token.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CreatedEnrollmentToken, MachineList } from '@boxyard/contracts';
import { eventually } from '@tooling/eventually';
import type { ApiClient } from './raw-api.ts';

const AGENT = join(import.meta.dirname, '../../agent/src/main.ts');
const WORKSPACE = '/v1/workspaces/default';

export interface MachineAgentOptions {
  readonly client: ApiClient;
  readonly name: string;
  /** What the machine lets be reached. */
  readonly port?: number | undefined;
  /** Put before the command line, as `ip netns exec` is. */
  readonly within?: readonly string[] | undefined;
}

export class MachineAgent implements AsyncDisposable {
  readonly id: string;
  /** Where its commands run. */
  readonly home: string;
  readonly name: string;
  readonly #root: string;
  readonly #start: () => ChildProcess;
  #child: ChildProcess;

  private constructor(
    id: string,
    name: string,
    root: string,
    start: () => ChildProcess,
    child: ChildProcess,
  ) {
    this.id = id;
    this.name = name;
    this.#root = root;
    this.home = join(root, 'home');
    this.#start = start;
    this.#child = child;
  }

  /** Enrolls and runs; resolves once a session may work on it. */
  static async start({ client, name, port, within = [] }: MachineAgentOptions): Promise<MachineAgent> {
    const root = await mkdtemp(join(tmpdir(), 'boxyard-machine-'));
    await mkdir(join(root, 'home'));
    const { token } = await client.json<CreatedEnrollmentToken>('POST', `${WORKSPACE}/enrollments/token`, {
      body: { allowScreenControl: false, uses: 1 },
    });
    const ports = port === undefined ? [] : ['--port', String(port)];
    const flags = ['--server', client.url, '--name', name, '--drain-ms', '0', ...ports];
    const [program, ...words] = [...within, process.execPath, '--conditions=@boxyard/source', AGENT];
    let printed = '';
    const run = (...more: string[]) => {
      const child = spawn(program!, [...words, ...more], {
        env: {
          PATH: process.env.PATH,
          HOME: join(root, 'home'),
          BOXYARD_CONFIG_DIR: join(root, 'config'),
          BOXYARD_ENROLLMENT_TOKEN: token,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const channel of [child.stdout, child.stderr])
        channel.setEncoding('utf8').on('data', (text: string) => {
          printed += text;
        });
      return child;
    };
    const child = run('up', ...flags);
    try {
      const listed = await eventually(`${name} is online`, async () => {
        const { items } = await client.json<MachineList>('GET', `${WORKSPACE}/machines`);
        return items.find((machine) => machine.name === name && machine.swapTarget);
      });
      return new MachineAgent(listed.id, name, root, () => run('up', ...flags), child);
    } catch (error) {
      child.kill('SIGKILL');
      throw new Error(`The agent did not come up:\n${printed}`, { cause: error });
    }
  }

  /** Of the agent that runs. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** SIGTERM: it says goodbye. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exited;
  }

  startAgain(): void {
    this.#child = this.#start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.#root, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  }
}
