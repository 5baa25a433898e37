/** What happens to messages on their way, each chance from 0 to 1. */
export interface WireFaults {
  /** The same seed makes the same choices in the same order. */
  readonly seed: number;
  readonly drop?: number;
  readonly duplicate?: number;
  /** Up to `maxDelayMs` later, so that messages overtake each other. */
  readonly delay?: number;
  readonly maxDelayMs?: number;
}

/** Decides about one message after the other. */
export class FaultyWire {
  readonly #faults: WireFaults | undefined;
  #state: number;
  #cut = false;

  constructor(faults: WireFaults | undefined) {
    this.#faults = faults;
    this.#state = faults?.seed ?? 0;
  }

  /** From now on nothing passes in either direction. */
  cut(): void {
    this.#cut = true;
  }

  mend(): void {
    this.#cut = false;
  }

  get isCut(): boolean {
    return this.#cut;
  }

  /** Delivers the message once, twice, later or never, and never before this call has returned. */
  carry(deliver: () => void): void {
    if (this.#cut) return;
    const faults = this.#faults;
    if (faults === undefined) {
      setImmediate(deliver);
      return;
    }
    if (this.#chance(faults.drop)) return;
    const times = this.#chance(faults.duplicate) ? 2 : 1;
    for (let time = 0; time < times; time++) {
      const late = this.#chance(faults.delay) ? this.#next() * (faults.maxDelayMs ?? 10) : 0;
      if (late === 0) setImmediate(deliver);
      else setTimeout(deliver, late);
    }
  }

  #chance(probability: number | undefined): boolean {
    return probability !== undefined && probability > 0 && this.#next() < probability;
  }

  /** mulberry32 */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
