/** A call that came while nobody waited is not lost: the next wait returns at once. */
export class WakeUp {
  readonly #signal: AbortSignal;
  #called = false;
  #resolve: (() => void) | null = null;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.call(), { once: true });
  }

  call(): void {
    this.#called = true;
    this.#resolve?.();
  }

  /** Until the next call, the signal or the time, whatever is first. */
  async wait(atMostMs: number): Promise<void> {
    if (!this.#called && !this.#signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#resolve = resolve;
      const timer = setTimeout(resolve, atMostMs);
      await promise;
      clearTimeout(timer);
      this.#resolve = null;
    }
    this.#called = false;
  }
}
