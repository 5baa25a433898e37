import { type Box, bounded, type CallOptions } from '@boxyard/sandbox-core';
import { GuardedBox } from '../guard/guarded-box.ts';
import type { Passage } from '../guard/passage.ts';

/** A box that answers nothing until it is released: what reaches it waits, and ends with its caller's patience. */
export class PausableBox extends GuardedBox {
  readonly #pause: Pause;

  constructor(box: Box) {
    const pause = new Pause();
    super(box, pause);
    this.#pause = pause;
  }

  release(): void {
    this.#pause.end();
  }
}

class Pause implements Passage {
  #over = false;
  #waiting: (() => void)[] = [];

  end(): void {
    this.#over = true;
    for (const go of this.#waiting.splice(0)) go();
  }

  call<T>(name: string, options: CallOptions | undefined, run: () => Promise<T>): Promise<T> {
    return bounded(options, name, async (signal) => {
      await this.#ended(signal);
      // Whoever has given up must not find later that it was done after all.
      signal.throwIfAborted();
      return run();
    });
  }

  async *items<T>(
    _name: string,
    signal: AbortSignal | undefined,
    source: AsyncIterable<T>,
  ): AsyncGenerator<T, void, void> {
    await this.#ended(signal);
    if (signal?.aborted !== true) yield* source;
  }

  #ended(signal: AbortSignal | undefined): Promise<void> {
    if (this.#over || signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      signal?.addEventListener('abort', () => resolve(), { once: true });
      this.#waiting.push(resolve);
    });
  }
}
