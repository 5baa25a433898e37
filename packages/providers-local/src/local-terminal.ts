// A pseudo-terminal on this machine. It belongs to our process; its whole tree carries the box's mark.
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { constants as systemConstants } from 'node:os';
import { resolve } from 'node:path';
import {
  BackpressureQueue,
  type BoxTerminal,
  type BoxTerminals,
  type Bytes,
  bounded,
  type CallOptions,
  checkEnvironment,
  checkRelativePath,
  checkTerminalSize,
  type ExitStatus,
  SandboxError,
  type ShellRunner,
  type TerminalRequest,
} from '@boxyard/sandbox-core';
import { JailedFolder, sandboxErrorFromFs } from '@boxyard/sandbox-core/jailed-folder';
import { type IPty, spawn } from '@lydell/node-pty';
import { drainBeforeDestroy } from './terminal-drain.ts';

declare module '@lydell/node-pty' {
  interface IPty {
    /** Bytes go to the terminal as they are; the package's own types name only text. */
    write(data: Buffer): void;
    /** What the terminal is read from; there on every system but Windows. */
    readonly _socket?: Socket;
  }
}

/** A shell that was hung up ends at once; what ignores that is ended after this. */
const CLOSE_GRACE_MS = 500;
/** Ending a tree takes a second; only a frozen machine does not answer. */
const KILL_DEADLINE_MS = 5000;
const CLOSE_ALL_MS = 10_000;
/** Once its shell has ended, the number of its session may become somebody else's. */
const NO_SESSION = 0;

export interface LocalTerminalsOptions {
  readonly workspace: string;
  readonly mark: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly runner: ShellRunner;
  /** See `LocalBoxOptions`. */
  readonly launcher: readonly string[];
}

export class LocalTerminals implements BoxTerminals {
  readonly #options: LocalTerminalsOptions;
  readonly #jail: JailedFolder;
  readonly #open = new Set<LocalTerminal>();

  constructor(options: LocalTerminalsOptions) {
    this.#options = options;
    this.#jail = new JailedFolder({ root: options.workspace });
  }

  open(request: TerminalRequest, options?: CallOptions): Promise<BoxTerminal> {
    return bounded(options, 'Opening a terminal', async (signal) => {
      checkTerminalSize(request.cols, request.rows);
      const folder = checkRelativePath(request.cwd ?? '');
      const cwd = await this.#jail.resolveFolder(folder).catch((error: unknown) => {
        throw sandboxErrorFromFs(error, `Opening a terminal in ${JSON.stringify(folder)}`);
      });
      const id = randomUUID();
      checkEnvironment(request.env ?? {});
      const environment = { ...this.#options.environment, ...request.env };
      const shell = await findShell(request.shell ?? process.env.SHELL ?? '/bin/sh', cwd, environment.PATH);
      const [program = shell, ...args] = [...this.#options.launcher, shell];
      const pty = spawn(program, args, {
        name: 'xterm-256color',
        cols: request.cols,
        rows: request.rows,
        cwd,
        // Bytes as they are: a decoder here would break what is no UTF-8.
        encoding: null,
        env: {
          ...environment,
          TERM: 'xterm-256color',
          BOXYARD_OP: `${this.#options.mark}/${id}`,
        },
      });
      const terminal = new LocalTerminal(pty, (session, graceMs) =>
        this.#options.runner.killTree(id, session, graceMs, { deadlineMs: KILL_DEADLINE_MS }),
      );
      this.#open.add(terminal);
      terminal.onClosed(() => this.#open.delete(terminal));
      // Its caller has gone: nobody would ever close it.
      if (signal.aborted) await terminal.close();
      return terminal;
    });
  }

  /** A terminal ends with the handle that opened it: nobody could ever reach it again. */
  async closeAll(): Promise<void> {
    await Promise.allSettled([...this.#open].map((terminal) => terminal.close({ deadlineMs: CLOSE_ALL_MS })));
  }
}

/** A missing program would only show as a shell that ends at once, as if it had run. */
async function findShell(shell: string, cwd: string, path = ''): Promise<string> {
  const places = shell.includes('/') ? [''] : path.split(':').map((folder) => `${folder || '.'}/`);
  for (const place of places) {
    const candidate = resolve(cwd, `${place}${shell}`);
    const runs = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return candidate;
  }
  throw new SandboxError(
    'not-found',
    `Opening a terminal failed: there is no shell ${JSON.stringify(shell)}. Name one that is in the box.`,
    { started: 'no' },
  );
}

class LocalTerminal implements BoxTerminal {
  readonly #pty: IPty;
  readonly #killTree: (session: number, graceMs: number) => Promise<number>;
  readonly #closers: (() => void)[] = [];
  #closed = false;
  readonly #exited: Promise<ExitStatus>;
  readonly #printed: BackpressureQueue<Bytes>;
  #ended = false;

  constructor(pty: IPty, killTree: (session: number, graceMs: number) => Promise<number>) {
    this.#pty = pty;
    this.#killTree = killTree;
    const printed = new BackpressureQueue<Bytes>({
      sizeOf: (bytes) => bytes.length,
      pause: () => pty.pause(),
      resume: () => pty.resume(),
    });
    this.#printed = printed;
    // With a null encoding the data are buffers, which the declared type does not say.
    pty.onData((data: string | Buffer) => printed.push(Buffer.from(data as string)));
    if (pty._socket !== undefined) drainBeforeDestroy(pty._socket, () => printed.neverPause());
    this.#exited = new Promise((resolve) => {
      pty.onExit(({ exitCode, signal }) => {
        this.#ended = true;
        printed.end();
        resolve(statusOf(exitCode, signal));
      });
    });
  }

  output(): AsyncIterable<Bytes> {
    return this.#printed;
  }

  write(bytes: Bytes, options?: CallOptions): Promise<void> {
    return bounded(options, 'Typing into a terminal', async () => {
      this.#ensureAlive('Typing into it');
      this.#pty.write(Buffer.from(bytes));
    });
  }

  resize(cols: number, rows: number, options?: CallOptions): Promise<void> {
    return bounded(options, 'Resizing a terminal', async () => {
      checkTerminalSize(cols, rows);
      this.#ensureAlive('Resizing it');
      this.#pty.resize(cols, rows);
    });
  }

  exited(options?: CallOptions): Promise<ExitStatus> {
    return bounded(options, 'Waiting for the end of a terminal', () => this.#exited);
  }

  close(options?: CallOptions): Promise<void> {
    return bounded(options, 'Closing a terminal', async () => {
      if (this.#closed) return;
      if (!this.#ended) {
        // Unread output must not keep a terminal that is being closed.
        this.#printed.resume();
        this.#pty.kill('SIGHUP');
      }
      const session = this.#ended ? NO_SESSION : this.#pty.pid;
      const left = await this.#killTree(session, CLOSE_GRACE_MS).catch((cause: unknown) => {
        if (!SandboxError.hasCode(cause, 'timeout')) throw cause;
        throw new SandboxError(
          'outcome-unknown',
          'Closing the terminal hung up its shell, but the box does not say what is left. Close it again.',
          { cause, started: 'yes' },
        );
      });
      if (left > 0) {
        throw new SandboxError(
          'unreachable',
          `Closing the terminal left ${left} processes that cannot be ended. Look at them on the machine.`,
          { started: 'yes' },
        );
      }
      await this.#exited;
      this.#closed = true;
      for (const run of this.#closers.splice(0)) run();
    });
  }

  onClosed(run: () => void): void {
    this.#closers.push(run);
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
  const name = Object.entries(systemConstants.signals).find(([, number]) => number === signal)?.[0] ?? null;
  return {
    exitCode: 128 + signal,
    signal: name,
    endedBy: signal === systemConstants.signals.SIGHUP ? 'kill' : 'itself',
  };
}
