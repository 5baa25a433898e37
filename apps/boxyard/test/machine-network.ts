// A machine's network of its own: a namespace that only a cable to ours leads out of, as a laptop behind a router has it.
import { execFile, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whether this process may make namespaces: one is made and removed. */
export function canMakeNetworks(): boolean {
  const name = `probe${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', name]).status === 0;
  if (made) spawnSync('ip', ['netns', 'del', name]);
  return made;
}

/** A cable of two addresses; 198.18.0.0/15 is kept for tests of networks. */
export class MachineNetwork implements AsyncDisposable {
  /** Ours: where the server listens. */
  readonly ourAddress: string;
  readonly machineAddress: string;
  readonly #name: string;

  private constructor(name: string, net: string) {
    this.#name = name;
    this.ourAddress = `${net}.1`;
    this.machineAddress = `${net}.2`;
  }

  /** @throws where namespaces cannot be made; then nothing is left behind. */
  static async open(): Promise<MachineNetwork> {
    const name = `by${process.pid}`;
    const network = new MachineNetwork(name, `198.18.${process.pid % 250}`);
    const [ours, theirs] = [`${name}a`, `${name}b`];
    try {
      await run('ip', ['netns', 'add', name]);
      await run('ip', ['link', 'add', ours, 'type', 'veth', 'peer', 'name', theirs, 'netns', name]);
      await run('ip', ['addr', 'add', `${network.ourAddress}/24`, 'dev', ours]);
      await run('ip', ['link', 'set', ours, 'up']);
      const inside = (...words: string[]) => run('ip', ['-n', name, ...words]);
      await inside('addr', 'add', `${network.machineAddress}/24`, 'dev', theirs);
      await inside('link', 'set', theirs, 'up');
      await inside('link', 'set', 'lo', 'up');
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Put before a command line that is to run on the machine. */
  get within(): readonly string[] {
    return ['ip', 'netns', 'exec', this.#name];
  }

  /** What listens anywhere on the machine, as the system writes it: address and port in hexadecimal. */
  async listening(pidThere: number): Promise<readonly string[]> {
    const tables = await Promise.all(
      ['tcp', 'tcp6'].map((table) => readFile(`/proc/${pidThere}/net/${table}`, 'utf8')),
    );
    const LISTEN = '0A';
    return tables.flatMap((table) =>
      table
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields[3] === LISTEN)
        .map((fields) => fields[1] ?? ''),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The cable goes with the namespace that it ends in, once nothing runs there.
    await run('ip', ['netns', 'del', this.#name]).catch(() => undefined);
    await run('ip', ['link', 'del', `${this.#name}a`]).catch(() => undefined);
  }
}
