import { SandboxError } from '@boxyard/sandbox-core';
import type { DatabaseAddress } from '../connect.ts';
import { TurnQueue } from './turn-queue.ts';

/**
 * The queue of turns, opened by the first who needs it: pg-boss takes a tenth of a second to load and 20 MiB, and a
 * server without a model has no turns.
 */
export class TurnQueueOnDemand {
  readonly #address: DatabaseAddress;
  #opening: Promise<TurnQueue> | null = null;
  #closed = false;

  constructor(address: DatabaseAddress) {
    this.#address = address;
  }

  /** Resolves when turns can be put in. After a failure the next one tries anew. */
  async ready(): Promise<void> {
    await this.#open();
  }

  /** As `TurnQueue.take`. */
  async take(limit: number): Promise<readonly string[]> {
    return (await this.#open()).take(limit);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const opened = await this.#opening?.catch(() => null);
    await opened?.close();
  }

  #open(): Promise<TurnQueue> {
    if (this.#closed) {
      const message = 'The record is closed, and with it the queue of turns. Open it again.';
      return Promise.reject(new SandboxError('closed', message, { started: 'no' }));
    }
    this.#opening ??= TurnQueue.open(this.#address).catch((error: unknown) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }
}
