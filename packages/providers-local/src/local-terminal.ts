// A pseudo-terminal on this machine. It belongs to our process; its whole tree carries the box's mark.
import { randomUUID } from 'node:crypto';
import { readlink } from 'node:fs/promises';
import { constants } from 'node:os';
import {
  type BoxTerminal,
  type BoxTerminals,
  type Bytes,
  bounded,
  type CallOptions,
  checkRelativePath,
  type ExitStatus,
  SandboxError,
  type ShellRunner,
  type TerminalRequest,
} from '@boxyard/sandbox-core';
import { JailedFolder } from '@boxyard/sandbox-core/jailed-folder';
import { type IPty, spawn } from '@lydell/node-pty';

declare module '@lydell/node-pty' {
  interface IPty {
    /** Bytes go to the terminal as they are; the package's own types name only text. */
    write(data: Buffer): void;
  }
}

/** What may wait for a slow reader before the program is made to wait. */
const PAUSE_BYTES = 1024 * 1024;
const RESUME_BYTES = 256 * 1024;
/** A shell that was hung up ends at once; what ignores that is ended after this. */
const CLOSE_GRACE_MS = 500;

export interface LocalTerminalsOptions {
  readonly workspace: string;
  readonly mark: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly runner: ShellRunner;
}

export class LocalTerminals implements BoxTerminals {
  readonly #options: LocalTerminalsOptions;
  readonly #jail: JailedFolder;

  constructor(options: LocalTerminalsOptions) {
    this.#options = options;
    this.#jail = new JailedFolder({ root: options.workspace });
  }

  open(request: TerminalRequest, options?: CallOptions): Promise<BoxTerminal> {
    return bounded(options, 'Opening a terminal', async (signal) => {
      checkSize(request.cols, request.rows);
      const cwd = await this.#jail.withFolder(checkRelativePath(request.cwd ?? ''), ({ self }) =>
        readlink(self),
      );
      const id = randomUUID();
      const pty = spawn(request.shell ?? process.env.SHELL ?? '/bin/sh', [], {
        name: 'xterm-256color',
        cols: request.cols,
        rows: request.rows,
        cwd,
        // Bytes as they are: a decoder here would break what is no UTF-8.
        encoding: null,
        env: {
          ...this.#options.environment,
          ...checkEnvironment(request.env),
          TERM: 'xterm-256color',
          BOXYARD_OP: `${this.#options.mark}/${id}`,
        },
      });
      const terminal = new LocalTerminal(pty, (graceMs) =>
        this.#options.runner.killTree(id, pty.pid, graceMs),
      );
      // Its caller has gone: nobody would ever close it.
      if (signal.aborted) await terminal.close();
      return terminal;
    });
  }
}

class LocalTerminal implements BoxTerminal {
  readonly #pty: IPty;
  readonly #killTree: (graceMs: number) => Promise<number>;
  readonly #exited: Promise<ExitStatus>;
  #waiting: Bytes[] = [];
  #waitingBytes = 0;
  #paused = false;
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(pty: IPty, killTree: (graceMs: number) => Promise<number>) {
    this.#pty = pty;
    this.#killTree = killTree;
    // With a null encoding the data are buffers, which the declared type does not say.
    pty.onData((data: string | Buffer) => this.#push(Buffer.from(data as string)));
    this.#exited = new Promise((resolve) => {
      pty.onExit(({ exitCode, signal }) => {
        this.#ended = true;
        this.#wake?.();
        resolve(statusOf(exitCode, signal));
      });
    });
  }

  async *output(): AsyncGenerator<Bytes, void, void> {
    while (true) {
      const chunk = this.#waiting.shift();
      if (chunk !== undefined) {
        this.#waitingBytes -= chunk.length;
        if (this.#paused && this.#waitingBytes < RESUME_BYTES) {
          this.#paused = false;
          this.#pty.resume();
        }
        yield chunk;
      } else if (this.#ended) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = null;
      }
    }
  }

  write(bytes: Bytes, options?: CallOptions): Promise<void> {
    return bounded(options, 'Typing into a terminal', async () => {
      this.#ensureAlive('Typing into it');
      this.#pty.write(Buffer.from(bytes));
    });
  }

  resize(cols: number, rows: number, options?: CallOptions): Promise<void> {
    return bounded(options, 'Resizing a terminal', async () => {
      checkSize(cols, rows);
      this.#ensureAlive('Resizing it');
      this.#pty.resize(cols, rows);
    });
  }

  exited(options?: CallOptions): Promise<ExitStatus> {
    return bounded(options, 'Waiting for the end of a terminal', () => this.#exited);
  }

  close(options?: CallOptions): Promise<void> {
    return bounded(options, 'Closing a terminal', async () => {
      if (!this.#ended) {
        this.#resume();
        this.#pty.kill('SIGHUP');
      }
      const left = await this.#killTree(CLOSE_GRACE_MS);
      if (left > 0) {
        throw new SandboxError(
          'unreachable',
          `Closing the terminal left ${left} processes that cannot be ended. Look at them on the machine.`,
          { started: 'yes' },
        );
      }
      await this.#exited;
    });
  }

  /** Unread output must not keep a terminal that is being closed. */
  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#pty.resume();
  }

  #push(bytes: Bytes): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (!this.#paused && this.#waitingBytes > PAUSE_BYTES) {
      this.#paused = true;
      this.#pty.pause();
    }
    this.#wake?.();
  }

  #ensureAlive(doing: string): void {
    if (!this.#ended) return;
    throw new SandboxError('conflict', `The terminal has ended. ${doing} is not possible; open another.`, {
      started: 'no',
    });
  }
}

function statusOf(exitCode: number, signal: number | undefined): ExitStatus {
  if (signal === undefined || signal === 0) return { exitCode, signal: null, endedBy: 'itself' };
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? null;
  return {
    exitCode: 128 + signal,
    signal: name,
    endedBy: signal === constants.signals.SIGHUP ? 'kill' : 'itself',
  };
}

function checkSize(cols: number, rows: number): void {
  const fits = (value: number, most: number) => Number.isInteger(value) && value >= 1 && value <= most;
  if (fits(cols, 500) && fits(rows, 300)) return;
  throw new SandboxError(
    'invalid',
    `A terminal of ${cols}×${rows} is not possible. Use 1–500 columns and 1–300 rows.`,
    {
      started: 'no',
    },
  );
}

function checkEnvironment(env: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(env)) {
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !name.startsWith('BOXYARD_') && !value.includes('\0'))
      continue;
    throw new SandboxError(
      'invalid',
      `The variable ${JSON.stringify(name)} cannot be set. Choose another name.`,
      {
        started: 'no',
      },
    );
  }
  return env;
}
