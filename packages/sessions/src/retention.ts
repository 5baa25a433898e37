/** What is kept, and for how long, is decided here and nowhere else. */
import type { AuditLog, EventLog, IdempotencyStore, SessionStore, UsageStore } from '@boxyard/sandbox-core';
import type { SessionService } from './session-service.ts';

export interface RetentionSettings {
  readonly eventsMs: number;
  readonly idempotencyMs: number;
  readonly auditMs: number;
  readonly usageMs: number;
}

export const DEFAULT_RETENTION: RetentionSettings = {
  eventsMs: 30 * 24 * 60 * 60 * 1000,
  idempotencyMs: 24 * 60 * 60 * 1000,
  auditMs: 365 * 24 * 60 * 60 * 1000,
  usageMs: 400 * 24 * 60 * 60 * 1000,
};

export interface RetentionOptions {
  readonly sessions: SessionStore;
  readonly service: SessionService;
  readonly events: EventLog;
  readonly idempotency: IdempotencyStore;
  readonly audit: AuditLog;
  readonly usage: Pick<UsageStore, 'trim'>;
  /** Removes ops whose time has passed, with their output in the box. */
  readonly sweepOps: () => Promise<number>;
  readonly settings: RetentionSettings;
}

/** Rows of one batch: short transactions, so that a long clean-up never blocks a request. */
const BATCH = 1_000;

/** Removes what is past its time, in bounded batches, and finishes deletions that a crash cut short. */
export class Retention {
  readonly #options: RetentionOptions;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  async tick(now: Date = new Date()): Promise<void> {
    const { events, idempotency, audit, usage, settings } = this.#options;
    const before = (ms: number) => new Date(now.getTime() - ms);
    await repeat(() => events.trim(before(settings.eventsMs), BATCH));
    await repeat(() => idempotency.trim(before(settings.idempotencyMs), BATCH));
    await repeat(() => audit.trim(before(settings.auditMs), BATCH));
    await repeat(() => usage.trim(before(settings.usageMs), BATCH));
    await this.#options.sweepOps();
    for (const group of await this.#options.sessions.abandonedGroups(BATCH)) {
      await this.#options.service.removeGroup(group.workspaceId, group.id);
    }
  }
}

async function repeat(removeBatch: () => Promise<number>): Promise<void> {
  while ((await removeBatch()) >= BATCH);
}
