/** What a source of items can be told while its reader falls behind. */
export interface BackpressureSource<T> {
  /** How much an item counts, in bytes. */
  readonly sizeOf: (item: T) => number;
  /** Told once the reader is too far behind; it may still push what is on its way. */
  readonly pause: () => void;
  /** Told once the reader has caught up. */
  readonly resume: () => void;
}

/** What may wait for a slow reader before the source is made to wait. */
const PAUSE_BYTES = 1024 * 1024;
const RESUME_BYTES = 256 * 1024;

/** Items between a source that can be made to wait and one reader: nothing is lost, and little waits. */
export class BackpressureQueue<T> implements AsyncIterable<T> {
  readonly #source: BackpressureSource<T>;
  readonly #items: T[] = [];
  #bytes = 0;
  #paused = false;
  #mayPause = true;
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(source: BackpressureSource<T>) {
    this.#source = source;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#bytes += this.#source.sizeOf(item);
    if (this.#mayPause && !this.#paused && this.#bytes > PAUSE_BYTES) {
      this.#paused = true;
      this.#source.pause();
    }
    this.#wake?.();
  }

  /** What waits is still read; then the reader has everything. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Lets the source go on now, whatever waits. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#source.resume();
  }

  /** From now on the source is never made to wait: little more can come. */
  neverPause(): void {
    this.#mayPause = false;
    this.resume();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, undefined, void> {
    while (true) {
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#bytes -= this.#source.sizeOf(item);
        if (this.#bytes < RESUME_BYTES) this.resume();
        yield item;
      } else if (this.#ended) return undefined;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
