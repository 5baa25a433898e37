/** Lets a burst through and then so much per second. It may owe one message, so that none is too long to pass. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perMs: number;
  #level: number;
  #filledAtMs: number;

  constructor(burst: number, perSecond: number, nowMs: number) {
    this.#burst = burst;
    this.#perMs = perSecond / 1000;
    this.#level = burst;
    this.#filledAtMs = nowMs;
  }

  /** Takes so much; returns for how many ms nothing more should be taken. */
  take(amount: number, nowMs: number): number {
    this.#level = Math.min(this.#burst, this.#level + (nowMs - this.#filledAtMs) * this.#perMs);
    this.#filledAtMs = nowMs;
    this.#level -= amount;
    return this.#level >= 0 ? 0 : Math.ceil(-this.#level / this.#perMs);
  }
}
