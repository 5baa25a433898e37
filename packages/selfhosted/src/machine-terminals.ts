import { randomUUID } from 'node:crypto';
import { OpState } from '@boxyard/agent-proto/messages';
import {
  type BoxTerminal,
  type BoxTerminals,
  type Bytes,
  type CallOptions,
  checkEnvironment,
  checkRelativePath,
  checkTerminalSize,
  type ExitStatus,
  type TerminalRequest,
} from '@boxyard/sandbox-core';
import { exitStatusOf } from './machine-process.ts';
import { OpReader } from './op-reader.ts';
import { assertKnown } from './op-state.ts';
import type { MachineFilesOptions } from './rooted-files.ts';
import { SerialInput } from './serial-input.ts';

type Options = Omit<MachineFilesOptions, 'root'>;

/** Terminals of a machine that travel as ops, for whoever drives them from here. People look through the relay. */
export class MachineTerminals implements BoxTerminals {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  open(request: TerminalRequest, options?: CallOptions): Promise<BoxTerminal> {
    const what = 'Opening a terminal';
    const { calls, frames, handle } = this.#options;
    return handle.bounded(options, what, async (signal) => {
      const { cols, rows, cwd = '', shell, env = {} } = request;
      checkTerminalSize(cols, rows);
      checkEnvironment(env);
      const opId = randomUUID();
      const reader = new OpReader({ calls, frames, opId, what, ownStream: true });
      const terminal = new MachineTerminal(opId, reader, this.#options);
      try {
        const value = {
          cols,
          rows,
          cwd: checkRelativePath(cwd),
          env: { ...env },
          command: shell === undefined ? [] : [shell],
        };
        await reader.start({ case: 'terminal', value }, { signal, changes: true, fence: options?.fence });
        return terminal;
      } catch (error) {
        terminal.giveUp();
        throw error;
      }
    });
  }
}

class MachineTerminal implements BoxTerminal {
  readonly #id: string;
  readonly #reader: OpReader;
  readonly #options: Options;
  readonly #input: SerialInput;
  readonly #takeBack: () => void;
  #status: ExitStatus | null = null;
  #closed = false;

  constructor(id: string, reader: OpReader, options: Options) {
    this.#id = id;
    this.#reader = reader;
    this.#options = options;
    this.#input = new SerialInput(id, options.calls, options.maxChunkBytes);
    // It belongs to the handle: nobody could ever reach it again.
    this.#takeBack = options.handle.onClose(async () => this.giveUp());
  }

  async *output(): AsyncGenerator<Bytes, void, void> {
    const news = this.#reader.news(this.#options.handle.closed);
    while (true) {
      const item = await news.next();
      if (item.done === true) {
        this.#status ??= exitStatusOf(item.value);
        return;
      }
      if (item.value.kind === 'data') yield item.value.bytes;
    }
  }

  write(bytes: Bytes, options?: CallOptions): Promise<void> {
    return this.#options.handle.bounded(options, 'Typing into a terminal', (signal) =>
      this.#input.write(bytes, signal),
    );
  }

  resize(cols: number, rows: number, options?: CallOptions): Promise<void> {
    const what = 'Resizing a terminal';
    return this.#options.handle.bounded(options, what, async (signal) => {
      checkTerminalSize(cols, rows);
      const op = { case: 'ptyResize', value: { ptyId: this.#id, cols, rows } } as const;
      await this.#options.calls.ask(op, { what, signal });
    });
  }

  exited(options?: CallOptions): Promise<ExitStatus> {
    const what = 'Waiting for the end of a terminal';
    return this.#options.handle.bounded(options, what, async (signal) => {
      while (this.#status === null) {
        const { calls } = this.#options;
        const { heldMs } = calls.timings;
        const op = { case: 'opQuery', value: { opId: this.#id, waitMs: heldMs } } as const;
        const status = await calls.ask(op, { what, signal, extraMs: heldMs });
        if (status.state === OpState.COMPLETE && status.exit !== undefined) {
          this.#status = exitStatusOf(status.exit);
        } else assertKnown(status, what);
      }
      return this.#status;
    });
  }

  close(options?: CallOptions): Promise<void> {
    const what = 'Closing a terminal';
    return this.#options.handle.bounded(options, what, async (signal) => {
      if (this.#closed) return;
      const op = { case: 'opCancel', value: { opId: this.#id } } as const;
      const status = await this.#options.calls.ask(op, { what, signal });
      if (status.exit !== undefined) this.#status ??= exitStatusOf(status.exit);
      this.#closed = true;
      this.#takeBack();
    });
  }

  /** Ends it without waiting. */
  giveUp(): void {
    this.#takeBack();
    this.#reader.stop();
    this.#options.calls.giveUp(this.#id, 'Closing a terminal');
  }
}
