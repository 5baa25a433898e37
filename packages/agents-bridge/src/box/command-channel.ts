import { type Bytes, quote, SandboxError, type ShellChannel } from '@boxyard/sandbox-core';
import { END_SCRIPT, OPEN_SCRIPT, READ_SCRIPT, WRITE_SCRIPT } from './channel-scripts.ts';
import type { SessionShell } from './session-shell.ts';

/** One argument of a process is limited to 128 KiB; base64 twice makes of this some 60 KiB. */
const WRITE_BYTES = 32 * 1024;

/** A channel to a process in the box of a session, made of commands only. */
export async function openCommandChannel(
  shell: SessionShell,
  argv: readonly [string, ...string[]],
): Promise<ShellChannel> {
  const { exitCode, output } = await shell.run(scriptOf(OPEN_SCRIPT, argv));
  const [, keeper, server, folder] =
    /^(\d+) (\d+) (\/.+)$/.exec(Buffer.from(output, 'base64').toString()) ?? [];
  if (exitCode !== 0 || keeper === undefined || server === undefined || folder === undefined) {
    throw new SandboxError(
      'unreachable',
      `Opening a channel in the session failed: ${output.slice(0, 300)}. It needs mktemp, mkfifo, dd and base64.`,
      { started: 'no' },
    );
  }
  return new CommandChannel(shell, folder, [keeper, server]);
}

class CommandChannel implements ShellChannel {
  readonly #shell: SessionShell;
  readonly #folder: string;
  readonly #processes: readonly [string, string];
  readonly #closed = Promise.withResolvers<string>();
  readonly #listeners: Record<'o' | 'e', (bytes: Uint8Array) => void> = { o: () => {}, e: () => {} };
  readonly #next = { o: 1, e: 1 };
  #waiting: Bytes[] = [];
  #writing: Promise<void> | null = null;
  #isOver = false;
  readonly closed: Promise<string>;

  constructor(shell: SessionShell, folder: string, processes: readonly [string, string]) {
    this.#shell = shell;
    this.#folder = folder;
    this.#processes = processes;
    this.closed = this.#closed.promise;
  }

  onStdout(listener: (bytes: Uint8Array) => void): void {
    this.#listeners.o = listener;
    void this.#readAll();
  }

  onStderr(listener: (bytes: Uint8Array) => void): void {
    this.#listeners.e = listener;
  }

  write(bytes: Bytes): void {
    if (this.#isOver) return;
    this.#waiting.push(bytes);
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
    });
  }

  end(): void {
    void (this.#writing ?? Promise.resolve()).then(() => this.#end(''));
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#over('it was let go');
    void this.#end('KILL');
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#isOver) {
      // What came while the last command was under way goes with the next.
      const bytes = Buffer.concat(this.#waiting);
      this.#waiting = bytes.length > WRITE_BYTES ? [Uint8Array.from(bytes.subarray(WRITE_BYTES))] : [];
      const encoded = bytes.subarray(0, WRITE_BYTES).toString('base64');
      try {
        const { exitCode } = await this.#shell.run(scriptOf(WRITE_SCRIPT, [this.#folder, encoded]));
        if (exitCode !== 0) this.#over('its input is not there any more');
      } catch (error) {
        this.#over(whyOf(error));
      }
    }
  }

  async #readAll(): Promise<void> {
    while (!this.#isOver) {
      const { o, e } = this.#next;
      try {
        const script = scriptOf(READ_SCRIPT, [this.#folder, String(o), String(e)]);
        const { exitCode, output } = await this.#shell.run(script);
        for (const line of output.split('\n')) this.#take(line);
        if (exitCode !== 0) this.#over(`reading from it ended with ${exitCode}`);
      } catch (error) {
        this.#over(whyOf(error));
      }
    }
  }

  #take(line: string): void {
    if (this.#isOver || line === '') return;
    const kind = line.charAt(0);
    if (kind === 'x' && line.length === 1) {
      this.#over('its process has ended');
      return;
    }
    if ((kind !== 'o' && kind !== 'e') || !/^[A-Za-z0-9+/]+={0,2}$/.test(line.slice(1))) {
      // A piece that cannot be read is lost: nothing after it can be trusted.
      this.#over(`it said ${JSON.stringify(line.slice(0, 100))}`);
      void this.#end('KILL');
      return;
    }
    this.#next[kind]++;
    this.#listeners[kind](Buffer.from(line.slice(1), 'base64'));
  }

  #over(why: string): void {
    this.#isOver = true;
    this.#closed.resolve(why);
  }

  async #end(signal: '' | 'KILL'): Promise<void> {
    const [keeper, server] = this.#processes;
    await this.#shell
      .run(scriptOf(END_SCRIPT, [this.#folder, keeper, server, signal]))
      .catch(() => undefined);
  }
}

/** A script with its arguments as one text. */
export function scriptOf(script: string, args: readonly string[]): string {
  return `${quote(['set', '--', ...args])}\n${script}`;
}

function whyOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
