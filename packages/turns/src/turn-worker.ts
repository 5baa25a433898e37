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
  /** Became due again while this process still let go of them. */
  readonly #dueAgain = new Set<string>();
  readonly #unsubscribe: () => void;
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | null = null;
  #requeueing: Promise<void> | null = null;
  #again = false;

  /** Begins at once. */
  constructor(options: TurnWorkerOptions) {
    this.#options = options;
    this.#unsubscribe = options.turns.onDue(() => this.#look());
    // Notifications may be lost, and a dead worker sends none.
    this.#timer = setInterval(() => this.#lookForLost(), options.settings.lookMs);
    this.#lookForLost();
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
    await this.#requeueing;
    await this.#looking;
    await Promise.all(this.#running.values());
  }

  #lookForLost(): void {
    const { turns, settings, onTrouble } = this.#options;
    this.#requeueing ??= turns
      .requeue(settings.attemptTtlMs)
      .catch(onTrouble)
      .finally(() => {
        this.#requeueing = null;
        this.#look();
      });
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
        const due = await turns.takeDue(free);
        for (const turnId of due) await this.#take(turnId);
        if (due.length === free) this.#again = true;
      }
    } catch (error) {
      onTrouble(error);
    }
  }

  async #take(turnId: string): Promise<void> {
    const { turns, runner, worker, settings, onTrouble } = this.#options;
    if (this.#running.has(turnId)) {
      this.#dueAgain.add(turnId);
      return;
    }
    if (this.#draining.signal.aborted) return;
    const claimed = await turns.claim(turnId, worker, settings.attemptTtlMs);
    if (claimed === null) return;
    const run = runner
      .run(claimed, this.#draining.signal)
      .catch(onTrouble)
      .finally(() => {
        this.#running.delete(turnId);
        if (this.#dueAgain.delete(turnId)) void this.#take(turnId).catch(onTrouble);
        this.#look();
      });
    this.#running.set(turnId, run);
  }
}
