/** Something that is made on first use and kept for as long as it is usable; a failure is not kept. */
export class Memoised<T> {
  readonly #make: () => Promise<T | null>;
  readonly #usable: (made: T) => boolean;
  #made: Promise<T | null> | null = null;
  #closed = false;

  constructor(make: () => Promise<T | null>, usable: (made: T) => boolean) {
    this.#make = make;
    this.#usable = usable;
  }

  /** Null when there is nothing to be had now; the next call asks again. */
  async get(): Promise<T | null> {
    if (this.#closed) return null;
    this.#made ??= this.#begin();
    const asked = this.#made;
    const made = await asked;
    if (made !== null && this.#usable(made)) return made;
    if (this.#made === asked) this.#made = null;
    // What had been usable once is made anew at once; what could not be made is asked for again by the next call.
    return made === null || this.#closed ? null : this.get();
  }

  /** Nothing is made any more, and what was made is given to `end`. Idempotent. */
  async close(end: (made: T) => Promise<void>): Promise<void> {
    this.#closed = true;
    const made = await this.#made?.catch(() => null);
    this.#made = null;
    if (made !== null && made !== undefined) await end(made);
  }

  async #begin(): Promise<T | null> {
    try {
      return await this.#make();
    } catch (error) {
      this.#made = null;
      throw error;
    }
  }
}
