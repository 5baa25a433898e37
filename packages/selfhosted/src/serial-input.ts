import type { Bytes } from '@boxyard/sandbox-core';
import type { MachineCalls } from './machine-calls.ts';

/** Input for one op, in the order of the calls: each piece is sent when the one before has been taken. */
export class SerialInput {
  readonly #opId: string;
  readonly #calls: MachineCalls;
  readonly #maxChunkBytes: () => number;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(opId: string, calls: MachineCalls, maxChunkBytes: () => number) {
    this.#opId = opId;
    this.#calls = calls;
    this.#maxChunkBytes = maxChunkBytes;
  }

  write(bytes: Bytes, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      const longest = this.#maxChunkBytes();
      let at = 0;
      do {
        await this.#send(bytes.subarray(at, at + longest), false, signal);
        at += longest;
      } while (at < bytes.length);
    });
  }

  end(signal: AbortSignal): Promise<void> {
    return this.#inTurn(() => this.#send(new Uint8Array(), true, signal));
  }

  #inTurn(send: () => Promise<void>): Promise<void> {
    const turn = this.#tail.then(send);
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  async #send(bytes: Bytes, end: boolean, signal: AbortSignal): Promise<void> {
    const op = { case: 'opInput', value: { opId: this.#opId, bytes, end } } as const;
    await this.#calls.ask(op, { what: `Writing to ${this.#opId}`, signal, changes: true });
  }
}
