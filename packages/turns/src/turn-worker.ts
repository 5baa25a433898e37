/** Takes up turns that are due, some at a time, until it is asked to end. Any number of processes may do so. */
import type { TurnStore } from '@boxyard/sandbox-core';
import type { TurnRunner } from './turn-runner.ts';
import type { TurnSettings } from './turn-settings.ts';

export interface TurnWorkerOptions {
  readonly turns: TurnStore;
  readonly runner: TurnRunner;
  /** Names this process in the record. */
  readonly worker: string;
  readonly settings: TurnSettings;
  readonly onTrouble: (error: unknown) => void;
}

export class TurnWorker implements AsyncDisposable {
  readonly #options: TurnWorkerOptions;
  readonly #draining = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  readonly #unsubscribe: () => void;
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | null = null;
  #again = false;

  /** Begins at once. */
  constructor(options: TurnWorkerOptions) {
    this.#options = options;
    this.#unsubscribe = options.turns.onDue(() => this.#look());
    // Notifications may be lost, and a dead worker sends none.
    this.#timer = setInterval(() => this.#look(), options.settings.lookMs);
    this.#look();
  }

  /** Turns that this process runs now. */
  get running(): number {
    return this.#running.size;
  }

  /** Lets go of its turns, so that others take them up at once, and waits until it has. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe();
    clearInterval(this.#timer);
    this.#draining.abort();
    await this.#looking;
    await Promise.all(this.#running.values());
  }

  #look(): void {
    this.#again = true;
    this.#looking ??= this.#takeAll().finally(() => {
      this.#looking = null;
    });
  }

  async #takeAll(): Promise<void> {
    const { turns, settings, onTrouble } = this.#options;
    try {
      while (this.#again && !this.#draining.signal.aborted) {
        this.#again = false;
        const free = settings.concurrency - this.#running.size;
        if (free <= 0) return;
        const due = await turns.due(settings.attemptTtlMs, free + this.#running.size);
        for (const turnId of due) await this.#take(turnId);
      }
    } catch (error) {
      onTrouble(error);
    }
  }

  async #take(turnId: string): Promise<void> {
    const { turns, runner, worker, settings, onTrouble } = this.#options;
    if (this.#running.has(turnId) || this.#running.size >= settings.concurrency) return;
    if (this.#draining.signal.aborted) return;
    const claimed = await turns.claim(turnId, worker, settings.attemptTtlMs);
    if (claimed === null) return;
    const run = runner
      .run(claimed, this.#draining.signal)
      .catch(onTrouble)
      .finally(() => {
        this.#running.delete(turnId);
        this.#look();
      });
    this.#running.set(turnId, run);
  }
}
