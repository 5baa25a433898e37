// Between the tar encoder, which pushes, and the reader of the archive, who pulls.
import { createGzip, type Gzip } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Bytes } from '../call-options.ts';

// Enough that reading files and sending the archive overlap.
const BUFFERED_BYTES = 1024 * 1024;

// The encoder speaks in blocks of 512 bytes; handed on one by one they cost more than what they carry.
const GATHERED_BYTES = 64 * 1024;

// Twice the speed of the default for a tenth more bytes: a capture runs while people wait for their box.
const GZIP_LEVEL = 2;

/** The archive's bytes as a stream that takes no more than its reader asks for. */
export class ArchiveOutput {
  readonly tar = pack();
  readonly stream: ReadableStream<Bytes>;
  readonly #gzip: Gzip | null;
  #controller: ReadableStreamDefaultController<Bytes> | null = null;
  #failure: { readonly error: unknown } | null = null;
  #wake: () => void = () => undefined;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;

  constructor(compression: 'none' | 'gzip', onCancel: (reason: unknown) => void) {
    this.stream = new ReadableStream<Bytes>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#wake(),
        cancel: (reason) => onCancel(reason),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: BUFFERED_BYTES }),
    );
    this.#gzip = compression === 'gzip' ? createGzip({ level: GZIP_LEVEL }) : null;
    // The encoder keeps nothing once somebody listens: room is asked for before each step instead.
    this.tar.on('data', (chunk) => {
      if (!(chunk instanceof Uint8Array)) return;
      this.#gathered.push(chunk);
      this.#gatheredBytes += chunk.length;
      if (this.#gatheredBytes >= GATHERED_BYTES) this.#handOn();
    });
    this.tar.on('error', (error) => this.fail(error));
    this.#gzip?.on('data', (chunk: Buffer) => this.#put(chunk));
    this.#gzip?.on('drain', () => this.#wake());
    this.#gzip?.on('error', (error) => this.fail(error));
  }

  /** Why the archive broke off; null while it did not. */
  get failure(): { readonly error: unknown } | null {
    return this.#failure;
  }

  /** Waits until the reader wants more. Throws what `fail` was told. */
  async room(): Promise<void> {
    while (true) {
      if (this.#failure !== null) throw this.#failure.error;
      const wanted = (this.#controller?.desiredSize ?? 0) > 0;
      if (wanted && this.#gzip?.writableNeedDrain !== true) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Ends the archive; resolves once its last byte is handed over. */
  async finish(): Promise<void> {
    const ended = (stream: Pick<NodeJS.EventEmitter, 'once'>, end: () => void) =>
      new Promise<void>((resolve) => {
        stream.once('end', resolve);
        // Without an end when the archive was broken off meanwhile.
        stream.once('close', resolve);
        end();
      });
    await ended(this.tar, () => this.tar.finalize());
    this.#handOn();
    const gzip = this.#gzip;
    if (gzip !== null) await ended(gzip, () => gzip.end());
    if (this.#failure !== null) throw this.#failure.error;
    this.#controller?.close();
  }

  #handOn(): void {
    const bytes = Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    if (this.#gzip === null) this.#put(bytes);
    else if (this.#failure === null) this.#gzip.write(bytes);
  }

  #put(bytes: Uint8Array): void {
    if (this.#failure === null && bytes.length > 0) this.#controller?.enqueue(new Uint8Array(bytes));
  }

  /** Breaks the archive off; the first reason counts. */
  fail(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = { error };
    this.tar.destroy();
    this.#gzip?.destroy();
    try {
      this.#controller?.error(error);
    } catch {
      // Its reader cancelled it already.
    }
    this.#wake();
  }
}
