// A command in a terminal of the box. A box opens terminals with a shell, so the shell is told to become the command.
import { randomBytes } from 'node:crypto';
import {
  type Box,
  type BoxTerminal,
  bounded,
  type CallOptions,
  type ExitStatus,
  quote,
  SandboxError,
} from '@boxyard/sandbox-core';
import { unsupported } from '../session-error.ts';
import {
  KEPT_CHARACTERS,
  type LiveCommand,
  type Look,
  type OutputListener,
  type Progress,
} from './live-command.ts';
import { OutputTail } from './output-tail.ts';

export interface TerminalScript {
  readonly script: string;
  readonly shell: string;
  readonly login: boolean;
  readonly cwd: string;
}

/** Wide enough for tables, and what most programs take for granted. */
const COLS = 120;
const ROWS = 40;

/** @throws AgentsSessionError `unsupported_feature` where the box has no terminals. */
export async function openTerminalCommand(
  box: Box,
  { script, shell, login, cwd }: TerminalScript,
  options: CallOptions,
): Promise<LiveCommand> {
  const { terminal: terminals } = box.capabilities;
  if (!terminals.available) {
    throw unsupported(`tty is refused: ${terminals.reason}. Run the command without tty.`);
  }
  // A terminal echoes what is typed: the two halves of the mark meet only in what the shell prints.
  const halves = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')];
  const program = quote([shell, ...(login ? ['-l'] : []), '-c']);
  const terminal = await terminals.use.open(
    { cols: COLS, rows: ROWS, cwd, shell: '/bin/sh', env: { AGENTS_COMMAND: script } },
    options,
  );
  const command = new TerminalCommand(terminal, halves.join(''));
  try {
    const typed = `c=$AGENTS_COMMAND; unset AGENTS_COMMAND; printf '%s%s\\n' ${halves.join(' ')}; exec ${program} "$c"\n`;
    await terminal.write(new TextEncoder().encode(typed), options);
    await bounded(options, 'Starting a command in a terminal', () => command.begun);
  } catch (error) {
    await command.forget();
    throw error;
  }
  return command;
}

class TerminalCommand implements LiveCommand {
  /** A terminal goes with its session: there is nothing to be found again. */
  readonly isKept = false;
  readonly #terminal: BoxTerminal;
  readonly #tail = new OutputTail(KEPT_CHARACTERS);
  readonly #read: Promise<void>;
  #ended: ExitStatus | null = null;
  #trouble: SandboxError | null = null;
  #onOutput: OutputListener | undefined;
  /** Settles when the command, and not the shell before it, has the terminal. */
  readonly begun: Promise<void>;

  constructor(terminal: BoxTerminal, mark: string) {
    this.#terminal = terminal;
    const begun = Promise.withResolvers<void>();
    this.begun = begun.promise;
    // Read at once and always: a terminal that nobody reads stops its program.
    this.#read = this.#readAll(mark, begun.resolve).catch((error: unknown) => {
      this.#trouble = asBoxError(error);
    });
    this.#read.then(() => begun.reject(this.#trouble ?? endedAtOnce()));
    this.begun.catch(() => undefined);
  }

  async progress(waitMs: number, { signal, onOutput }: Look): Promise<Progress> {
    const before = this.#tail.peek();
    if (before !== '') onOutput?.(before);
    this.#onOutput = onOutput;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, waitMs);
      signal?.addEventListener('abort', done, { once: true });
      this.#read.then(done);
      function done() {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      }
      if (signal?.aborted) done();
    });
    this.#onOutput = undefined;
    const text = this.#tail.take();
    return { text, stdout: text, stderr: '', ended: this.#ended, trouble: this.#trouble };
  }

  write(text: string, options: CallOptions): Promise<void> {
    return this.#terminal.write(new TextEncoder().encode(text), options);
  }

  interrupt(options: CallOptions): Promise<void> {
    return this.write('\u0003', options);
  }

  async kill(options: CallOptions): Promise<void> {
    await this.#terminal.close(options);
    await bounded(options, 'Waiting for the end of a terminal', () => this.#read);
  }

  forget(): Promise<void> {
    return this.#terminal.close().catch(() => undefined);
  }

  async #readAll(mark: string, begun: () => void): Promise<void> {
    const decoder = new TextDecoder();
    let before: string | null = '';
    const push = (text: string) => {
      if (text !== '') this.#onOutput?.(text);
      this.#tail.push(text);
    };
    const add = (text: string) => {
      if (before === null) return push(text);
      before += text;
      const end = before.indexOf('\n', Math.max(0, before.indexOf(mark)));
      if (!before.includes(mark) || end === -1) return;
      push(before.slice(end + 1));
      before = null;
      begun();
    };
    const exited = this.#terminal.exited({ deadlineMs: Number.POSITIVE_INFINITY });
    exited.catch(() => undefined);
    for await (const bytes of this.#terminal.output()) add(decoder.decode(bytes, { stream: true }));
    add(decoder.decode());
    this.#ended = await exited;
  }
}

function asBoxError(error: unknown): SandboxError {
  if (SandboxError.isInstance(error)) return error;
  return new SandboxError('unreachable', 'Reading a terminal failed; run the command again.', {
    cause: error,
  });
}

function endedAtOnce(): SandboxError {
  return new SandboxError(
    'unreachable',
    'The shell of the terminal ended before it ran the command; run it without tty.',
    { started: 'no' },
  );
}
