// Bytes between tasks: what a command reads, and what it has printed.
import type { Bytes, OutputCursor } from '@boxyard/sandbox-core';

/** A queue of bytes with an end. */
export class MemoryInput {
  readonly #parts: Bytes[] = [];
  #ended = false;
  #wake: (() => void)[] = [];

  static of(bytes: Bytes): MemoryInput {
    const input = new MemoryInput();
    if (bytes.length > 0) input.push(bytes);
    input.end();
    return input;
  }

  get ended(): boolean {
    return this.#ended;
  }

  push(bytes: Bytes): void {
    this.#parts.push(bytes.slice());
    this.#notify();
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  /** What is there, at least one byte; null at the end. */
  async take(): Promise<Bytes | null> {
    while (this.#parts.length === 0) {
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    return this.#parts.shift()!;
  }

  giveBack(bytes: Bytes): void {
    if (bytes.length > 0) this.#parts.unshift(bytes);
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** All that a command printed, kept until it is forgotten. */
export class MemorySpool {
  readonly #parts: Record<'stdout' | 'stderr', Bytes[]> = { stdout: [], stderr: [] };
  readonly #order: { channel: 'stdout' | 'stderr'; index: number; offset: number }[] = [];
  readonly #size = { stdout: 0, stderr: 0 };
  #end: { readonly complete: boolean } | null = null;
  #wake: (() => void)[] = [];

  get size(): OutputCursor {
    return { ...this.#size };
  }

  get end(): { readonly complete: boolean } | null {
    return this.#end;
  }

  add(channel: 'stdout' | 'stderr', bytes: Bytes): void {
    if (bytes.length === 0) return;
    this.#order.push({ channel, index: this.#parts[channel].length, offset: this.#size[channel] });
    this.#parts[channel].push(bytes);
    this.#size[channel] += bytes.length;
    this.#notify();
  }

  finish(complete: boolean): void {
    if (this.#end !== null) return;
    this.#end = { complete };
    this.#notify();
  }

  /** The chunks from `at` on, in the order in which they were printed, starting at the n-th. */
  chunk(number: number): { channel: 'stdout' | 'stderr'; offset: number; bytes: Bytes } | null {
    const entry = this.#order[number];
    if (entry === undefined) return null;
    return { channel: entry.channel, offset: entry.offset, bytes: this.#parts[entry.channel][entry.index]! };
  }

  bytes(channel: 'stdout' | 'stderr'): Bytes {
    return new Uint8Array(Buffer.concat(this.#parts[channel]));
  }

  /** Resolves when more was printed or nothing more will be. */
  more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      this.#wake.push(wake);
    });
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
