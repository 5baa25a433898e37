// Terminals by the engine's own: it makes the pseudo-terminal, resizes it, and tells how its shell ended. It belongs to
// the process that opened it; its whole tree carries a mark by which it is ended.
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
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
  fenceWords,
  SandboxError,
  type TerminalRequest,
} from '@boxyard/sandbox-core';
import type { Engine, StartedExec } from './engine.ts';
import { expectText } from './shell-files/file-failure.ts';
import type { FilesLink } from './shell-files/files-link.ts';

/** A shell that was hung up ends at once; what ignores that is ended after this. */
const CLOSE_GRACE_MS = 500;
const KILL_DEADLINE_MS = 10_000;
const CLOSE_ALL_MS = 10_000;
/** The engine knows a size only once the shell has begun. */
const SIZE_DEADLINE_MS = 10_000;
const LOOK_MS = 20;

/** Stands in the folder and becomes the shell. Where the folder leads is judged before and here once more. */
const TERMINAL_SCRIPT = `
unset CDPATH ENV
cd -P "$1/$2" || exit 126
case $PWD/ in "$1"/*) ;; *) exit 126;; esac
unset OLDPWD
exec "$3"
`;

export interface DockerTerminalsOptions {
  readonly engine: Engine;
  /** Ends what carries the marks of this id; answers how many are left. */
  readonly killTree: (id: string, graceMs: number, options: CallOptions) => Promise<number>;
  /** What marks the tree of a terminal in its environment. */
  readonly marks: (id: string) => readonly string[];
  readonly link: FilesLink;
  readonly workspace: string;
  readonly epoch: number;
  /** What every command of the box sees. */
  readonly environment: readonly string[];
  /** Runs a program in the box on a terminal. */
  readonly start: (
    argv: readonly string[],
    env: readonly string[],
    signal: AbortSignal,
  ) => Promise<StartedExec>;
}

export class DockerTerminals implements BoxTerminals {
  readonly #options: DockerTerminalsOptions;
  readonly #open = new Set<DockerTerminal>();

  constructor(options: DockerTerminalsOptions) {
    this.#options = options;
  }

  open(request: TerminalRequest, options?: CallOptions): Promise<BoxTerminal> {
    const { engine, killTree, marks, link, workspace, epoch, environment, start } = this.#options;
    const what = 'Opening a terminal';
    return bounded(options, what, async (signal) => {
      checkTerminalSize(request.cols, request.rows);
      const cwd = checkRelativePath(request.cwd ?? '');
      const env = checkEnvironment(request.env ?? {});
      expectText(await link.request('may', [fenceWords(options?.fence)]), what, epoch);
      expectText(await link.request('folder', [cwd]), what, epoch);
      const shell = await this.#findShell(request.shell);
      signal.throwIfAborted();
      const id = randomUUID();
      const started = await start(
        ['/bin/sh', '-c', TERMINAL_SCRIPT, 'boxyard', workspace, cwd, shell],
        [...environment, ...env, 'TERM=xterm-256color', ...marks(id)],
        signal,
      );
      const terminal = new DockerTerminal(engine, started, (graceMs) =>
        killTree(id, graceMs, { deadlineMs: KILL_DEADLINE_MS }),
      );
      this.#open.add(terminal);
      terminal.onClosed(() => this.#open.delete(terminal));
      try {
        await terminal.begin(request.cols, request.rows);
        signal.throwIfAborted();
      } catch (error) {
        // Its caller has gone, or it cannot be used: nobody would ever close it.
        await terminal.close().catch(() => undefined);
        throw error;
      }
      return terminal;
    });
  }

  /** A terminal ends with the handle that opened it: nobody could ever reach it again. */
  async closeAll(): Promise<void> {
    await Promise.allSettled([...this.#open].map((terminal) => terminal.close({ deadlineMs: CLOSE_ALL_MS })));
  }

  /** A missing program would only show as a shell that ends at once, as if it had run. */
  async #findShell(wanted: string | undefined): Promise<string> {
    for (const shell of wanted === undefined ? ['/bin/bash', '/bin/sh'] : [wanted]) {
      const reply = await this.#options.link.request('shell', [shell]);
      if (reply.kind === 'status' && reply.status === 0) return shell;
    }
    throw new SandboxError(
      'not-found',
      `Opening a terminal failed: there is no shell ${JSON.stringify(wanted)}. Name one that is in the box.`,
      { started: 'no' },
    );
  }
}

class DockerTerminal implements BoxTerminal {
  readonly #engine: Engine;
  readonly #execId: string;
  readonly #stream: Duplex;
  readonly #killTree: (graceMs: number) => Promise<number>;
  readonly #closers: (() => void)[] = [];
  readonly #exited: Promise<ExitStatus>;
  readonly #printed: BackpressureQueue<Bytes>;
  #closing = false;
  #closed = false;
  #ended = false;

  constructor(engine: Engine, { id, stream }: StartedExec, killTree: (graceMs: number) => Promise<number>) {
    this.#engine = engine;
    this.#execId = id;
    this.#stream = stream;
    this.#killTree = killTree;
    const printed = new BackpressureQueue<Bytes>({
      sizeOf: (bytes) => bytes.length,
      pause: () => stream.pause(),
      resume: () => stream.resume(),
    });
    this.#printed = printed;
    stream.on('data', (bytes: Buffer) => printed.push(new Uint8Array(bytes)));
    stream.on('error', () => undefined);
    const over = new Promise<void>((resolve) => {
      stream.once('end', resolve);
      stream.once('close', resolve);
    });
    this.#exited = over.then(async () => {
      this.#ended = true;
      printed.end();
      return this.#status();
    });
  }

  /** Waits until the shell has its terminal in this size. */
  async begin(cols: number, rows: number): Promise<void> {
    const end = performance.now() + SIZE_DEADLINE_MS;
    while (!this.#ended) {
      const sized = await this.#engine.resizeExec(this.#execId, cols, rows).then(
        () => true,
        (error: unknown) => {
          if (SandboxError.hasCode(error, 'gone') || performance.now() > end) throw error;
          return false;
        },
      );
      if (sized) return;
      await delay(LOOK_MS);
    }
  }

  output(): AsyncIterable<Bytes> {
    return this.#printed;
  }

  write(bytes: Bytes, options?: CallOptions): Promise<void> {
    const copy = Buffer.from(bytes);
    return bounded(options, 'Typing into a terminal', async () => {
      this.#ensureAlive('Typing into it');
      await new Promise<void>((resolve, reject) => {
        this.#stream.write(copy, (error) => (error ? reject(ended('Typing into it', error)) : resolve()));
      });
    });
  }

  resize(cols: number, rows: number, options?: CallOptions): Promise<void> {
    return bounded(options, 'Resizing a terminal', async () => {
      checkTerminalSize(cols, rows);
      this.#ensureAlive('Resizing it');
      await this.#engine.resizeExec(this.#execId, cols, rows);
    });
  }

  exited(options?: CallOptions): Promise<ExitStatus> {
    return bounded(options, 'Waiting for the end of a terminal', () => this.#exited);
  }

  close(options?: CallOptions): Promise<void> {
    return bounded(options, 'Closing a terminal', async () => {
      if (this.#closed) return;
      this.#closing ||= !this.#ended;
      // Unread output must not keep a terminal that is being closed.
      this.#printed.neverPause();
      const left = await this.#killTree(CLOSE_GRACE_MS).catch((cause: unknown) => {
        // With the box everything in it has ended.
        if (SandboxError.hasCode(cause, 'gone')) return 0;
        if (!SandboxError.hasCode(cause, 'timeout')) throw cause;
        throw new SandboxError(
          'outcome-unknown',
          'Closing the terminal failed: the box does not say what is left of it. Close it again.',
          { cause },
        );
      });
      if (left > 0) {
        throw new SandboxError(
          'unreachable',
          `Closing the terminal left ${left} processes that cannot be ended. End the box.`,
          { started: 'yes' },
        );
      }
      this.#stream.destroy();
      await this.#exited;
      this.#closed = true;
      for (const run of this.#closers.splice(0)) run();
    });
  }

  onClosed(run: () => void): void {
    this.#closers.push(run);
  }

  async #status(): Promise<ExitStatus> {
    try {
      let exitCode = await this.#engine.execExitCode(this.#execId);
      while (exitCode === null) {
        await delay(LOOK_MS);
        exitCode = await this.#engine.execExitCode(this.#execId);
      }
      if (!this.#closing) return { exitCode, signal: null, endedBy: 'itself' };
      return { exitCode, signal: exitCode === 137 ? 'SIGKILL' : null, endedBy: 'kill' };
    } catch {
      // The engine, or the box, is not there any more to say it.
      return { exitCode: 129, signal: null, endedBy: this.#closing ? 'kill' : 'unknown' };
    }
  }

  #ensureAlive(doing: string): void {
    if (this.#ended || !this.#stream.writable) throw ended(doing);
  }
}

function ended(doing: string, cause?: unknown): SandboxError {
  return new SandboxError('conflict', `The terminal has ended. ${doing} is not possible; open another.`, {
    started: 'no',
    cause,
  });
}
