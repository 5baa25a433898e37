/** One process of the installation: killed without a word, and started again as the same. */
import { type ChildProcess, spawn } from 'node:child_process';
import { eventually } from '@tooling/eventually';
import { THROUGH_KILLS } from './through-kills.ts';

export interface MemberOptions {
  readonly name: string;
  /** A script and its arguments, run by this Node. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const READY = '"msg":"ready"';
/** Enough of its log to see why it failed. */
const KEPT_LOG = 8_000;
const READY_WITHIN_MS = 180_000;

export class Member {
  readonly name: string;
  readonly #options: MemberOptions;
  #child: ChildProcess | null = null;
  #log = '';
  #isReady = false;
  /** Tells a start that is under way. */
  #kill: () => void = () => {};

  constructor(options: MemberOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Null while it does not run. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get log(): string {
    return this.#log;
  }

  /** Resolves when it is ready for work. */
  async start(): Promise<void> {
    const { command, env } = this.#options;
    let told = '';
    const child = spawn(process.execPath, ['--conditions=@boxyard/source', ...command], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (!told.includes(READY)) told += text;
      this.#log = (this.#log + text).slice(-KEPT_LOG);
    });
    child.once('exit', () => {
      if (this.#child === child) this.#child = null;
    });
    let isKilled = false;
    this.#kill = () => {
      isKilled = true;
    };
    await eventually(
      `${this.name} is ready`,
      async () => isKilled || this.#child !== child || told.includes(READY),
      { ...THROUGH_KILLS, withinMs: READY_WITHIN_MS },
    );
    if (!isKilled && this.#child !== child) throw new Error(`${this.name} ended by itself:\n${this.#log}`);
    this.#isReady = !isKilled;
  }

  /** Waits until it is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#isReady = false;
    this.#kill();
    if (child === null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }
}
