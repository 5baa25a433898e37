// What came and was not read yet. One reader; it learns of an end only behind everything that came before it.

interface Received<T> {
  readonly item: T;
  readonly cost: number;
}

export class ReceiveQueue<T> {
  #items: Received<T>[] = [];
  #head = 0;
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | null = null;
  readonly #onRead: (item: T, cost: number) => void;

  /** @param onRead Told what the reader has finished with. */
  constructor(onRead: (item: T, cost: number) => void) {
    this.#onRead = onRead;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(item: T, cost: number): void {
    if (this.#ended) return;
    this.#items.push({ item, cost });
    this.#bytes += cost;
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *read(): AsyncGenerator<T, undefined, void> {
    while (true) {
      const next = this.#items[this.#head];
      if (next !== undefined) {
        this.#head += 1;
        if (this.#head > 1024 || this.#head === this.#items.length) {
          this.#items = this.#items.slice(this.#head);
          this.#head = 0;
        }
        yield next.item;
        // Only now is the reader done with it: what it still works on is not acked.
        this.#bytes -= next.cost;
        this.#onRead(next.item, next.cost);
      } else if (this.#ended) return undefined;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = null;
      }
    }
  }
}
