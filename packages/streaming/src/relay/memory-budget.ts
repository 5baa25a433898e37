/** What all channels hold together. Those that had to wait for room are told when there is some. */
export class MemoryBudget {
  readonly #limitBytes: number;
  #usedBytes = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get isFull(): boolean {
    return this.#usedBytes >= this.#limitBytes;
  }

  take(bytes: number): void {
    this.#usedBytes += bytes;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
    if (this.isFull || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const tell of waiting) queueMicrotask(tell);
  }

  /** Called once, soon after there is room. */
  whenFree(tell: () => void): void {
    this.#waiting.add(tell);
  }
}
