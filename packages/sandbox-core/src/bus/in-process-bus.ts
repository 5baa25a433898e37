import type { Bus } from '../ports/bus.ts';
import { TopicCallbacks } from './topic-callbacks.ts';

/** For an installation of one process. */
export class InProcessBus implements Bus {
  readonly #callbacks = new TopicCallbacks();
  #isClosed = false;

  publish(topic: string): void {
    // Not within the call: whoever publishes is in the middle of something.
    queueMicrotask(() => this.#callbacks.wake(topic));
  }

  subscribe(topic: string, callback: () => void): () => void {
    return this.#isClosed ? () => {} : this.#callbacks.add(topic, callback);
  }

  async listening(): Promise<void> {}

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#callbacks.clear();
  }
}
