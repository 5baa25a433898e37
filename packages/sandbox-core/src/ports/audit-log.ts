import type { AuditAction, AuditActor, AuditOutcome } from '@boxyard/contracts';

/** One act before the store has given it its time. */
export interface NewAuditEntry {
  /** UUIDv7; storing the same one twice stores it once. */
  readonly id: string;
  readonly workspaceId: string;
  readonly sessionId: string | null;
  readonly actor: AuditActor;
  readonly action: AuditAction;
  readonly target: string | null;
  readonly requestId: string | null;
  readonly outcome: AuditOutcome;
  /** Nothing secret: it is kept longer than what it tells of. */
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface StoredAuditEntry extends NewAuditEntry {
  readonly at: Date;
}

export interface ListAuditQuery {
  readonly limit: number;
  /** The id of the last entry seen; newest first. */
  readonly after?: string | undefined;
  readonly action?: AuditAction | undefined;
  readonly actorId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

/** Who did what. Entries are added and, once their retention has passed, removed; nothing changes one. */
export interface AuditLog {
  /** One statement. */
  append(entries: readonly NewAuditEntry[]): Promise<void>;
  list(workspaceId: string, query: ListAuditQuery): Promise<readonly StoredAuditEntry[]>;
  /** Removes entries older than the date, in one bounded batch; answers how many. */
  trim(olderThan: Date, limit: number): Promise<number>;
}
