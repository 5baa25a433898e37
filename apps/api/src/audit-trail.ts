import { type AuditLog, type NewAuditEntry, SandboxError } from '@boxyard/sandbox-core';

/** What a database that is away for a while may cost in memory: about 10 MB. */
const MAX_WAITING = 10_000;
const RETRY_MS = 1_000;
const BATCH = 200;

export interface AuditTrailOptions {
  readonly log: AuditLog;
  /** An entry could not be written now, and waits, or was dropped because too many wait. */
  readonly onTrouble: (
    error: unknown,
    trouble: { readonly waiting: number; readonly dropped: number },
  ) => void;
}

/**
 * Writes the audit: one insert before the answer. What was done stays done when the insert fails, so the answer
 * is not changed then; the entry waits here and is written as soon as the record answers again. Entries that wait
 * are lost with this process if it is killed, and written when it is asked to end.
 */
export class AuditTrail implements AsyncDisposable {
  readonly #options: AuditTrailOptions;
  readonly #waiting: NewAuditEntry[] = [];
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> | null = null;
  #closed = false;

  constructor(options: AuditTrailOptions) {
    this.#options = options;
  }

  /** Never throws. */
  async record(entry: NewAuditEntry): Promise<void> {
    try {
      await this.#options.log.append([entry]);
    } catch (error) {
      // Waiting helps where nobody answered; an entry that is refused would hold up all behind it for ever.
      const waits = SandboxError.hasCode(error, 'unreachable') && this.#waiting.length < MAX_WAITING;
      if (waits) this.#waiting.push(entry);
      this.#options.onTrouble(error, { waiting: this.#waiting.length, dropped: waits ? 0 : 1 });
      if (waits) this.#retryLater();
    }
  }

  /** Writes what waits. @throws what the log throws. */
  flush(): Promise<void> {
    this.#flushing ??= this.#writeAll().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH);
      // Written twice is written once: an entry has its id.
      await this.#options.log.append(batch);
      this.#waiting.splice(0, batch.length);
    }
  }

  #retryLater(): void {
    if (this.#timer !== null || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.flush().catch(() => this.#retryLater());
    }, RETRY_MS).unref();
  }

  /** One last try; what cannot be written then is told and lost. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    try {
      await this.flush();
    } catch (error) {
      this.#options.onTrouble(error, { waiting: 0, dropped: this.#waiting.length });
    }
  }
}
