// The processes of the lease model as the test holds them: started, told what to do, killed and followed by others.
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LeaseCommand, LeaseProcessSetup, LeaseReply } from './lease-command.ts';

const ENTRY = fileURLToPath(new URL('./lease-process.ts', import.meta.url));

/** What became of a command; `died` when its process was killed before it answered. */
export type Told = string | 'died';

export class LeaseProcess {
  readonly name: string;
  /** Commands without an answer. */
  pending = 0;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (told: Told) => void>();
  readonly #ready: Promise<Told>;
  readonly #ended: Promise<void>;
  readonly #onFault: (fault: string) => void;
  #sent = 0;
  #isDead = false;

  constructor(setup: LeaseProcessSetup, cacheDir: string, onFault: (fault: string) => void) {
    this.name = setup.name;
    this.#onFault = onFault;
    this.#child = fork(ENTRY, [JSON.stringify(setup)], {
      execArgv: ['--conditions=@boxyard/source'],
      env: { ...process.env, NODE_COMPILE_CACHE: join(cacheDir, 'compiled') },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let printed = '';
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      printed = `${printed}${chunk.toString('utf8')}`.slice(-4_000);
    });
    // A killed process resets its channel; its exit says all there is to say.
    this.#child.on('error', () => {});
    this.#ready = new Promise((resolve) => this.#waiting.set(0, resolve));
    this.#child.on('message', (message) => this.#hear(message as LeaseReply));
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.#isDead = true;
        // Only a killed one is part of the plan.
        if (signal !== 'SIGKILL') onFault(`process ${this.name} ended with ${code ?? signal}: ${printed}`);
        for (const tell of this.#waiting.values()) tell('died');
        this.#waiting.clear();
        resolve();
      });
    });
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  async ready(): Promise<void> {
    await this.#ready;
  }

  async tell(command: LeaseCommand): Promise<Told> {
    this.#sent += 1;
    const id = this.#sent;
    this.pending += 1;
    try {
      return await new Promise<Told>((resolve) => {
        if (this.#isDead) return resolve('died');
        this.#waiting.set(id, resolve);
        // It may die while this is on its way: its exit answers then.
        this.#child.send({ id, command }, () => {});
      });
    } finally {
      this.pending -= 1;
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async end(): Promise<void> {
    this.kill();
    await this.#ended;
  }

  #hear(reply: LeaseReply): void {
    if ('fault' in reply) this.#onFault(`process ${this.name}: ${reply.fault}`);
    this.#waiting.get(reply.id)?.('fault' in reply ? 'fault' : reply.outcome);
    this.#waiting.delete(reply.id);
  }
}
