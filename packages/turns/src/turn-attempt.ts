// What one worker holds of a turn: its beat, the reasons to stop, and every write in its name.
import { type TurnAttempt as AttemptKey, SandboxError, type TurnStore } from '@boxyard/sandbox-core';

/** Why an attempt ends before its work has. `lost`: another worker has the turn, and nothing may be written any more. */
export type StopReason = 'cancelled' | 'overtime' | 'drained' | 'lost';

export interface TurnAttemptOptions {
  readonly store: TurnStore;
  readonly key: AttemptKey;
  readonly beatMs: number;
  /** Without a beat for this long another worker takes the turn. */
  readonly ttlMs: number;
  /** What is left of the turn's time. */
  readonly budgetMs: number;
  /** The worker is asked to end. */
  readonly draining: AbortSignal;
}

/** A worker that cannot beat lets go before another one may take over. */
const LAST_BEAT_SHARE = 0.75;

export class TurnAttempt implements AsyncDisposable {
  readonly key: AttemptKey;
  readonly #options: TurnAttemptOptions;
  readonly #stopped = new AbortController();
  readonly #ended = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #unsubscribe: () => void;
  readonly #drain = () => this.stop('drained');
  #beating: Promise<void> | null = null;
  #lastBeatMs = performance.now();
  #reason: StopReason | null = null;
  #failure: unknown = null;

  /** Beats at once: what was asked before anybody listened is heard then. */
  constructor(options: TurnAttemptOptions) {
    const { store, key, beatMs, budgetMs, draining } = options;
    this.#options = options;
    this.key = key;
    this.#timers.push(setInterval(() => this.#beat(), beatMs));
    this.#timers.push(setTimeout(() => this.stop('overtime'), Math.max(0, budgetMs)));
    this.#unsubscribe = store.onSignal(key.turnId, () => this.#beat());
    draining.addEventListener('abort', this.#drain, { once: true });
    if (draining.aborted) this.#drain();
    this.#beat();
  }

  /** Aborts when the work is to end, for whichever reason. */
  get stopped(): AbortSignal {
    return this.#stopped.signal;
  }

  /** Aborts when what runs in the box is to end too: nobody goes on with the turn. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  get reason(): StopReason | null {
    return this.#reason;
  }

  /** What the record threw at a write of this attempt; the SDK may have made something else of it meanwhile. */
  get failure(): unknown {
    return this.#failure;
  }

  /** The first reason counts, but for `lost`, after which nothing else matters. */
  stop(reason: StopReason): void {
    if (this.#reason === null || reason === 'lost') this.#reason = reason;
    const why = new SandboxError('cancelled', `The turn stops here (${this.#reason}).`, { stage: 'turn' });
    this.#stopped.abort(why);
    if (this.#reason === 'cancelled' || this.#reason === 'overtime') this.#ended.abort(why);
  }

  /** A write in the name of the attempt. When it fails the work stops: what is not recorded must not go on. */
  async write<T>(work: (store: TurnStore, key: AttemptKey) => Promise<T>): Promise<T> {
    try {
      return await work(this.#options.store, this.key);
    } catch (error) {
      this.#failure ??= error;
      this.stop('lost');
      throw error;
    }
  }

  /** Not asked for again until the answer is there: a beat that is late is better than two. */
  #beat(): void {
    const { store, ttlMs } = this.#options;
    if (performance.now() - this.#lastBeatMs > ttlMs * LAST_BEAT_SHARE) this.stop('lost');
    this.#beating ??= store
      .beat(this.key)
      .then(
        ({ cancelRequested }) => {
          this.#lastBeatMs = performance.now();
          if (cancelRequested) this.stop('cancelled');
        },
        (error: unknown) => {
          // A record that does not answer says nothing about whose turn it is: the next beat may find it again.
          if (SandboxError.hasCode(error, 'fenced')) this.stop('lost');
        },
      )
      .finally(() => {
        this.#beating = null;
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe();
    this.#options.draining.removeEventListener('abort', this.#drain);
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#beating;
  }
}
