// Where a command's own output ends: a word that only we know, and its exit code, in the midst of what comes.

/** Cuts `<word> <code>\n` out of a stream, however it is split; what stands around it goes on. */
export class EndMark {
  readonly #word: Buffer;
  readonly #onBytes: (bytes: Uint8Array) => void;
  readonly #onEnd: (code: number) => void;
  #held = Buffer.alloc(0);
  #seen = false;

  constructor(word: string, onBytes: (bytes: Uint8Array) => void, onEnd: (code: number) => void) {
    this.#word = Buffer.from(`${word} `);
    this.#onBytes = onBytes;
    this.#onEnd = onEnd;
  }

  push(bytes: Uint8Array): void {
    if (this.#seen) {
      this.#onBytes(bytes);
      return;
    }
    const all = this.#held.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#held, bytes]);
    const at = all.indexOf(this.#word);
    if (at === -1) {
      const keep = this.#beginning(all);
      this.#hand(all.subarray(0, all.length - keep));
      this.#held = Buffer.from(all.subarray(all.length - keep));
      return;
    }
    const end = all.indexOf('\n', at);
    this.#hand(all.subarray(0, at));
    this.#held = Buffer.from(all.subarray(at));
    if (end === -1) return;
    this.#seen = true;
    this.#held = Buffer.alloc(0);
    const code = all.toString('latin1', at + this.#word.length, end);
    if (/^\d{1,3}$/.test(code)) this.#onEnd(Number(code));
    this.#hand(all.subarray(end + 1));
  }

  /** Nothing more comes: what was held back belongs to the output. */
  flush(): void {
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    this.#hand(held);
  }

  #hand(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#onBytes(bytes);
  }

  /** How many of the last bytes could be the beginning of the word. */
  #beginning(bytes: Buffer): number {
    for (let length = Math.min(this.#word.length - 1, bytes.length); length > 0; length--) {
      if (bytes.subarray(bytes.length - length).equals(this.#word.subarray(0, length))) return length;
    }
    return 0;
  }
}
