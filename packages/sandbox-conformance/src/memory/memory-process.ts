import type {
  BoxProcess,
  Bytes,
  CallOptions,
  ExitStatus,
  OutputCursor,
  OutputEvent,
} from '@boxyard/sandbox-core';
import { OUTPUT_START, SandboxError } from '@boxyard/sandbox-core';
import type { MemoryGate } from './memory-gate.ts';
import type { MemoryMachine } from './memory-machine.ts';
import type { MemoryOperation } from './memory-operation.ts';

const DEFAULT_GRACE_MS = 2000;

/** A handle to a command, through the gate of the box handle that gave it. */
export class MemoryProcess implements BoxProcess {
  readonly id: string;
  readonly #machine: MemoryMachine;
  readonly #gate: MemoryGate;

  constructor(id: string, machine: MemoryMachine, gate: MemoryGate) {
    this.id = id;
    this.#machine = machine;
    this.#gate = gate;
  }

  async *output(
    options: { readonly from?: OutputCursor; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<OutputEvent> {
    const operation = await this.#do(
      'Reading the output of',
      { signal: options.signal },
      async (found) => found,
    );
    const signal = options.signal ?? new AbortController().signal;
    yield* operation.output(options.from ?? OUTPUT_START, signal);
  }

  write(bytes: Bytes, options?: CallOptions): Promise<void> {
    return this.#do('Writing to', options, async ({ stdin, running }) => {
      if (!running || stdin.ended) {
        throw new SandboxError('conflict', `The stdin of ${this.id} is closed; start another command.`);
      }
      stdin.push(bytes);
    });
  }

  closeStdin(options?: CallOptions): Promise<void> {
    return this.#do('Closing the stdin of', options, async ({ stdin }) => stdin.end());
  }

  interrupt(options?: CallOptions): Promise<void> {
    return this.#do('Interrupting', options, async (operation) => operation.interrupt());
  }

  kill(options: CallOptions & { readonly graceMs?: number } = {}): Promise<void> {
    return this.#do('Ending', options, (operation) => operation.kill(options.graceMs ?? DEFAULT_GRACE_MS));
  }

  exited(options?: CallOptions): Promise<ExitStatus> {
    return this.#do('Waiting for', options, (operation) => operation.ended);
  }

  forget(options?: CallOptions): Promise<void> {
    return this.#do('Forgetting', options, async () => this.#machine.forget(this.id));
  }

  #do<T>(
    what: string,
    options: CallOptions | undefined,
    run: (operation: MemoryOperation) => Promise<T>,
  ): Promise<T> {
    return this.#gate.pass(`${what} command ${this.id}`, options, async () =>
      run(this.#machine.operation(this.id)),
    );
  }
}
