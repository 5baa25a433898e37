// What every call of a MemoryBox passes first: the handle is open, the machine is there and answers, the epoch is
// current; then the call is bounded.
import { setImmediate as turn } from 'node:timers/promises';
import { bounded, type CallOptions, SandboxError } from '@boxyard/sandbox-core';
import type { MemoryMachine } from './memory-machine.ts';

export class MemoryGate {
  readonly #machine: MemoryMachine;
  readonly #epoch: number;
  #closed = false;

  constructor(machine: MemoryMachine, epoch: number) {
    this.#machine = machine;
    this.#epoch = epoch;
  }

  close(): void {
    this.#closed = true;
  }

  /** Runs it once the machine answers, with the caller's deadline and signal around all of it. */
  pass<T>(
    what: string,
    options: CallOptions | undefined,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) {
      const message = `${what}: this handle is closed; open the box again.`;
      return Promise.reject(new SandboxError('closed', message, { started: 'no' }));
    }
    return bounded(options, what, async (signal) => {
      // As every real box does: otherwise a loop over calls would keep timers and streams from ever running.
      await turn();
      await this.#machine.answering(signal);
      signal.throwIfAborted();
      this.mayReach(what);
      return run(signal);
    });
  }

  /** Throws when the machine is gone. */
  mayReach(what: string): void {
    if (this.#machine.gone) {
      throw new SandboxError('gone', `${what}: the box does not exist any more; create another.`, {
        started: 'no',
      });
    }
  }

  /** Throws when a newer handle has taken over, or the session works elsewhere: a stale one reads, but changes nothing. */
  mayChange(options?: CallOptions): void {
    if (this.#epoch < this.#machine.epoch) {
      throw new SandboxError(
        'fenced',
        `This handle is of epoch ${this.#epoch} and the box of ${this.#machine.epoch}; open the box again.`,
        { started: 'no' },
      );
    }
    if (options?.fence !== undefined) this.#machine.passSession(options.fence);
  }
}
