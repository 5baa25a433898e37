import type { Bytes } from '@boxyard/sandbox-core';

/** The last bytes of a terminal's output. Positions are bytes since its opening and never go back. */
export class ReplayRing {
  readonly #maxBytes: number;
  #chunks: Bytes[] = [];
  #start = 0;
  #end = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Position of the oldest byte that is kept. */
  get start(): number {
    return this.#start;
  }

  /** Position after the newest byte. */
  get end(): number {
    return this.#end;
  }

  push(bytes: Bytes): void {
    if (bytes.length === 0) return;
    const last = this.#chunks.at(-1);
    // Single keystrokes come back as single bytes: kept apart, each would cost a hundred.
    if (last !== undefined && last.length + bytes.length <= 4096) {
      this.#chunks[this.#chunks.length - 1] = Uint8Array.from(Buffer.concat([last, bytes]));
    } else this.#chunks.push(Uint8Array.from(bytes));
    this.#end += bytes.length;
    while (this.#end - this.#start > this.#maxBytes && this.#chunks.length > 1) {
      this.#start += this.#chunks.shift()!.length;
    }
  }

  /** What follows a position that is still kept, up to about `maxBytes`. */
  readFrom(position: number, maxBytes: number): Buffer {
    const parts: Bytes[] = [];
    let length = 0;
    let at = this.#start;
    for (const chunk of this.#chunks) {
      const skip = Math.max(0, position - at);
      at += chunk.length;
      if (skip >= chunk.length) continue;
      const part = chunk.subarray(skip, skip + maxBytes - length);
      parts.push(part);
      length += part.length;
      if (length >= maxBytes) break;
    }
    return Buffer.concat(parts);
  }
}
