// The engine sends both outputs of a command on one stream, in frames of 8 bytes of head and their content.
const HEAD_BYTES = 8;

/** Cuts the frames and hands their content on, however the stream is split. */
export class ExecDemux {
  readonly #onStdout: (bytes: Uint8Array) => void;
  readonly #onStderr: (bytes: Uint8Array) => void;
  #head = Buffer.alloc(0);
  #left = 0;
  #isError = false;

  constructor(onStdout: (bytes: Uint8Array) => void, onStderr: (bytes: Uint8Array) => void) {
    this.#onStdout = onStdout;
    this.#onStderr = onStderr;
  }

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left === 0) {
        const missing = HEAD_BYTES - this.#head.length;
        this.#head = Buffer.concat([this.#head, bytes.subarray(at, at + missing)]);
        at += missing;
        if (this.#head.length < HEAD_BYTES) return;
        this.#isError = this.#head[0] === 2;
        this.#left = this.#head.readUInt32BE(4);
        this.#head = Buffer.alloc(0);
        continue;
      }
      const part = bytes.subarray(at, at + this.#left);
      at += part.length;
      this.#left -= part.length;
      if (this.#isError) this.#onStderr(part);
      else this.#onStdout(part);
    }
  }
}
