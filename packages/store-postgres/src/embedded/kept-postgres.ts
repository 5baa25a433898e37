import { setTimeout as delay } from 'node:timers/promises';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  type PostgresConnection,
  startEmbeddedPostgres,
} from './embedded-postgres.ts';

/** Something that ends it again at once must not keep the machine busy with starts. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;

/**
 * An embedded PostgreSQL that is started again when it ends by itself: killed by the system for its memory, by
 * somebody's mistake, or by a crash. What was committed is in its log; statements in between fail and say so.
 */
export class KeptPostgres {
  readonly #options: EmbeddedPostgresOptions;
  readonly #stopping = new AbortController();
  readonly #keeping: Promise<void>;
  #current: EmbeddedPostgres;

  /** @throws as `startEmbeddedPostgres` does; only a start that succeeded once is repeated. */
  static async start(options: EmbeddedPostgresOptions): Promise<KeptPostgres> {
    return new KeptPostgres(options, await startEmbeddedPostgres(options));
  }

  private constructor(options: EmbeddedPostgresOptions, started: EmbeddedPostgres) {
    this.#options = options;
    this.#current = started;
    this.#keeping = this.#keep();
  }

  /** Of the present one; read it anew for every connection. */
  get connection(): PostgresConnection {
    return this.#current.connection;
  }

  get dataDir(): string {
    return this.#current.dataDir;
  }

  /** Ends it for good. May be called again. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#current.stop();
    await this.#keeping;
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping;
    for (let pauseMs = FIRST_PAUSE_MS; ; ) {
      const startedAt = performance.now();
      await this.#current.ended;
      if (performance.now() - startedAt > LONGEST_PAUSE_MS) pauseMs = FIRST_PAUSE_MS;
      while (!signal.aborted) {
        await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
        if (signal.aborted || (await this.#startAgain())) break;
      }
      if (signal.aborted) {
        // It may have come up while it was being stopped.
        await this.#current.stop();
        return;
      }
    }
  }

  async #startAgain(): Promise<boolean> {
    try {
      // Clears what is left of it and gives up its lock, which the next start takes.
      await this.#current.stop();
      this.#current = await startEmbeddedPostgres(this.#options);
      return true;
    } catch {
      return false;
    }
  }
}
