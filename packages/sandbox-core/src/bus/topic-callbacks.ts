/** Who wants to be woken for what, within one process. */
export class TopicCallbacks {
  readonly #callbacks = new Map<string, Set<() => void>>();

  /** Answers how to stop; `onLast` is called when nobody is left who wants the topic. */
  add(topic: string, callback: () => void, onLast: () => void = () => {}): () => void {
    // A function of its own, so that one callback may be subscribed twice.
    const entry = () => callback();
    const entries = this.#callbacks.get(topic) ?? new Set();
    this.#callbacks.set(topic, entries.add(entry));
    return () => {
      const wasThere = entries.delete(entry);
      if (!wasThere || entries.size > 0 || this.#callbacks.get(topic) !== entries) return;
      this.#callbacks.delete(topic);
      onLast();
    };
  }

  has(topic: string): boolean {
    return this.#callbacks.has(topic);
  }

  get topics(): readonly string[] {
    return [...this.#callbacks.keys()];
  }

  wake(topic: string): void {
    for (const callback of [...(this.#callbacks.get(topic) ?? [])]) callback();
  }

  /** A wake-up may have been missed. */
  wakeAll(): void {
    for (const topic of this.topics) this.wake(topic);
  }

  clear(): void {
    this.#callbacks.clear();
  }
}
