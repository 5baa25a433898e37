import type { ActivePointer, CallOptions } from '@boxyard/sandbox-core';

/** Where the pointer of one session is read and who tells that it moved. */
export interface PointerSource {
  read(options?: CallOptions): Promise<ActivePointer>;
  /** Calls back soon after the pointer moved; may be late or silent. Answers how to stop. */
  subscribe(onMoved: () => void): () => void;
}

/** What a `RoutedBox` asks where to go. */
export interface PointerReader {
  /** The pointer while it may be trusted without asking; null when it has to be read. */
  readonly trusted: ActivePointer | null;
  read(options?: CallOptions): Promise<ActivePointer>;
  /** A box said that the session works elsewhere: what was trusted is not any more. */
  distrust(): void;
}

/**
 * How long a pointer is believed after it was read when nobody says that it moved. A message that was lost is then
 * noticed within this time; until then the old box itself refuses changes.
 */
export const POINTER_TRUST_MS = 1_000;

/** The pointer of one session as one process knows it. Reading it anew costs a statement, and only while it is used. */
export class PointerCache implements PointerReader, Disposable {
  readonly #source: PointerSource;
  readonly #trustMs: number;
  readonly #stop: () => void;
  #known: ActivePointer | null = null;
  #trustedUntil = 0;
  /** Grows when something says that the pointer moved: a read that began before proves nothing. */
  #doubts = 0;
  #reading: { readonly doubts: number; readonly answer: Promise<ActivePointer> } | null = null;

  constructor(source: PointerSource, options: { readonly trustMs?: number } = {}) {
    this.#source = source;
    this.#trustMs = options.trustMs ?? POINTER_TRUST_MS;
    this.#stop = source.subscribe(() => this.distrust());
  }

  get trusted(): ActivePointer | null {
    return performance.now() < this.#trustedUntil ? this.#known : null;
  }

  /** @throws whatever the source throws; nothing that is too old is answered instead. */
  async read(options?: CallOptions): Promise<ActivePointer> {
    const { trusted } = this;
    if (trusted !== null) return trusted;
    // Shared, so without the first caller's signal; each waits as long as it wants to.
    const running = this.#reading;
    if (running !== null && running.doubts === this.#doubts && options?.signal === undefined)
      return running.answer;
    const doubts = this.#doubts;
    const begunAt = performance.now();
    const answer = this.#source.read(options).then((pointer) => this.#learn(pointer, doubts, begunAt));
    const reading = { doubts, answer };
    if (options?.signal === undefined) {
      this.#reading = reading;
      const done = () => {
        if (this.#reading === reading) this.#reading = null;
      };
      answer.then(done, done);
    }
    return answer;
  }

  distrust(): void {
    this.#doubts += 1;
    this.#trustedUntil = 0;
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.distrust();
  }

  #learn(pointer: ActivePointer, doubts: number, begunAt: number): ActivePointer {
    // Epochs only grow: an answer that was overtaken by a later one is of the past.
    if (this.#known === null || pointer.activeEpoch >= this.#known.activeEpoch) {
      this.#known = pointer;
      if (doubts === this.#doubts) this.#trustedUntil = Math.max(this.#trustedUntil, begunAt + this.#trustMs);
    }
    return this.#known;
  }
}

/**
 * The pointer as it was when it was first asked for, until a box refuses it: for work whose steps belong together,
 * such as one request, which must not end in another box than it began in.
 */
export class SettledPointer implements PointerReader {
  readonly #reader: PointerReader;
  #settled: ActivePointer | null = null;

  constructor(reader: PointerReader) {
    this.#reader = reader;
  }

  get trusted(): ActivePointer | null {
    return this.#settled;
  }

  async read(options?: CallOptions): Promise<ActivePointer> {
    this.#settled ??= await this.#reader.read(options);
    return this.#settled;
  }

  distrust(): void {
    this.#settled = null;
    this.#reader.distrust();
  }
}
