/** A timer's bound: what is longer than this many milliseconds fires at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** One call's end: the caller's signal or its time, whichever comes first. */
export class Deadline {
  readonly #timeout = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #endsAt: number;
  readonly #given: AbortSignal | undefined;
  readonly signal: AbortSignal;

  constructor(deadlineMs: number, given: AbortSignal | undefined) {
    this.#endsAt = performance.now() + deadlineMs;
    this.#given = given;
    this.signal = given ? AbortSignal.any([given, this.#timeout.signal]) : this.#timeout.signal;
    if (deadlineMs <= MAX_TIMER_MS) this.#timer = setTimeout(() => this.#timeout.abort(), deadlineMs);
  }

  get remainingMs(): number {
    return this.#endsAt - performance.now();
  }

  get isCancelled(): boolean {
    return this.#given?.aborted ?? false;
  }

  get hasPassed(): boolean {
    return this.#timeout.signal.aborted;
  }

  /** From now on only the caller's signal ends the call. */
  lift(): void {
    clearTimeout(this.#timer);
  }
}
