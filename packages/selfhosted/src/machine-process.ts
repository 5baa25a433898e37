import { setTimeout as sleep } from 'node:timers/promises';
import { OpChannel, type OpExit, OpSignalKind, OpState } from '@boxyard/agent-proto/messages';
import {
  type BoxProcess,
  type Bytes,
  type CallOptions,
  type ExitStatus,
  OUTPUT_START,
  type OutputCursor,
  type OutputEvent,
  SandboxError,
} from '@boxyard/sandbox-core';
import type { MachineCommandsOptions } from './machine-commands.ts';
import { OpReader } from './op-reader.ts';
import { assertKnown } from './op-state.ts';
import { SerialInput } from './serial-input.ts';

const DEFAULT_GRACE_MS = 2000;
/** Between two questions to an agent that answers at once. */
const POLL_MS = 500;

/** A command on the machine. What it prints is kept there. */
export class MachineProcess implements BoxProcess {
  readonly id: string;
  readonly #options: MachineCommandsOptions;
  readonly #input: SerialInput;

  constructor(id: string, options: MachineCommandsOptions) {
    this.id = id;
    this.#options = options;
    this.#input = new SerialInput(id, options.calls, options.maxChunkBytes);
  }

  async *output(
    options: { readonly from?: OutputCursor; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<OutputEvent, void, void> {
    const { handle, calls, frames, offersBox } = this.#options;
    handle.ensureOpen();
    const signal = AbortSignal.any([
      handle.closed,
      ...(options.signal === undefined ? [] : [options.signal]),
    ]);
    const { from = OUTPUT_START } = options;
    const what = `Reading the output of ${this.id}`;
    const reader = new OpReader({ calls, frames, what, opId: this.id, ownStream: offersBox, from });
    const letGo = reader.wakeOn(signal);
    try {
      await reader.listen();
      await reader.attach(signal);
      const output = new OutputEvents(reader, from);
      while (output.exit === null) {
        const event = output.take(signal);
        if (event === null) await reader.more();
        else yield event;
      }
    } catch (error) {
      // A reader that stops is no failure of what it reads.
      if (options.signal?.aborted && SandboxError.hasCode(error, 'cancelled')) return;
      throw error;
    } finally {
      letGo();
      reader.stop();
    }
  }

  write(bytes: Bytes, options?: CallOptions): Promise<void> {
    return this.#options.handle.bounded(options, `Writing to ${this.id}`, (signal) => {
      this.#needsBox('input');
      return this.#input.write(bytes, signal);
    });
  }

  closeStdin(options?: CallOptions): Promise<void> {
    return this.#options.handle.bounded(options, `Closing the stdin of ${this.id}`, (signal) => {
      this.#needsBox('input');
      return this.#input.end(signal);
    });
  }

  interrupt(options?: CallOptions): Promise<void> {
    return this.#options.handle.bounded(options, `Interrupting ${this.id}`, (signal) => {
      this.#needsBox('interrupts');
      return this.#signal(OpSignalKind.INTERRUPT, 0, signal);
    });
  }

  kill(options?: CallOptions & { readonly graceMs?: number }): Promise<void> {
    return this.#options.handle.bounded(options, `Ending ${this.id}`, async (signal) => {
      const { graceMs = DEFAULT_GRACE_MS } = options ?? {};
      if (this.#options.offersBox) return this.#signal(OpSignalKind.KILL, graceMs, signal);
      const op = { case: 'opCancel', value: { opId: this.id } } as const;
      await this.#options.calls.ask(op, { what: `Ending ${this.id}`, signal });
    });
  }

  exited(options?: CallOptions): Promise<ExitStatus> {
    const what = `Waiting for the end of ${this.id}`;
    return this.#options.handle.bounded(options, what, async (signal) => {
      while (true) {
        const askedAt = performance.now();
        const { calls, handle } = this.#options;
        const { heldMs } = calls.timings;
        const op = { case: 'opQuery', value: { opId: this.id, waitMs: heldMs } } as const;
        const status = await calls.ask(op, { what, signal, extraMs: heldMs }).catch((error: unknown) => {
          // It goes on there while nobody can ask.
          if (SandboxError.hasCode(error, 'unreachable')) return null;
          throw error;
        });
        handle.ensureOpen();
        if (status?.state === OpState.COMPLETE && status.exit !== undefined) return exitStatusOf(status.exit);
        if (status !== null) assertKnown(status, what);
        if (performance.now() - askedAt < POLL_MS) {
          await sleep(POLL_MS, undefined, { signal, ref: false }).catch(() => undefined);
        }
      }
    });
  }

  forget(options?: CallOptions): Promise<void> {
    const what = `Forgetting ${this.id}`;
    return this.#options.handle.bounded(options, what, async (signal) => {
      this.#needsBox('forgetting');
      const op = { case: 'opForget', value: { opId: this.id } } as const;
      await this.#options.calls.ask(op, { what, signal, changes: true });
    });
  }

  async #signal(kind: OpSignalKind, graceMs: number, signal: AbortSignal): Promise<void> {
    const op = { case: 'opSignal', value: { opId: this.id, kind, graceMs } } as const;
    const what = `Signalling ${this.id}`;
    await this.#options.calls.ask(op, { what, signal, changes: true, extraMs: graceMs });
  }

  #needsBox(what: string): void {
    if (this.#options.offersBox) return;
    throw new SandboxError(
      'unsupported',
      `The agent of this machine knows no ${what} of commands. Update it.`,
      {
        started: 'no',
      },
    );
  }
}

/** What is read of a command, from there. */
export class OutputEvents {
  /** How the command ended, once the last event has been taken. */
  exit: OpExit | null = null;
  readonly #reader: OpReader;
  #next: OutputCursor;

  constructor(reader: OpReader, from: OutputCursor) {
    this.#reader = reader;
    this.#next = from;
  }

  /**
   * The next one, or null when it is not here yet.
   *
   * @throws SandboxError what made the command or its stream fail.
   */
  take(signal: AbortSignal): OutputEvent | null {
    for (let item = this.#reader.take(signal); item !== null; item = this.#reader.take(signal)) {
      if (item.kind === 'exit') {
        this.exit = item.exit;
        return { kind: 'end', complete: !item.exit.outputIncomplete, next: this.#next };
      }
      if (item.kind !== 'data') continue;
      const { bytes, offset } = item;
      const channel = item.channel === OpChannel.STDERR ? 'stderr' : 'stdout';
      this.#next = { ...this.#next, [channel]: offset + bytes.length };
      return { kind: 'chunk', channel, bytes, offset, next: this.#next };
    }
    return null;
  }
}

/** An agent of another kind tells only that a signal ended it. */
export function exitStatusOf(exit: OpExit): ExitStatus {
  const endedBy = ENDINGS.find((ending) => ending === exit.endedBy);
  if (endedBy !== undefined) {
    return { exitCode: exit.boxExitCode, signal: exit.signal === '' ? null : exit.signal, endedBy };
  }
  return {
    exitCode: exit.exitCode,
    signal: null,
    endedBy: exit.timedOut ? 'run-limit' : exit.cancelled ? 'kill' : 'itself',
  };
}

const ENDINGS = [
  'itself',
  'run-limit',
  'kill',
  'unknown',
] as const satisfies readonly ExitStatus['endedBy'][];
