import type { NewAuditEntry } from './audit-log.ts';
import type { NewEvent } from './event-log.ts';

/** A command with its caller's id. It belongs to its op, not to the connection that started it. */
export interface OpRecord {
  readonly id: string;
  readonly sessionId: string;
  readonly groupId: string;
  /** The command's text after the redactor, to be shown. */
  readonly command: string;
  /** SHA-256 of the request body: the same id with another body is a conflict. */
  readonly bodyDigest: string;
  readonly leaseEpoch: number;
  /** The server process that follows it; see `PtyRegistry.beat` for whether that one lives. */
  readonly hostId: string;
  readonly background: boolean;
  readonly emitStream: boolean;
  readonly startedAt: Date;
  /** `lost`: its output and status cannot be had any more, and nobody knows how it ended. */
  readonly state: 'running' | 'ended' | 'lost';
  readonly result: OpResult | null;
}

export interface OpResult {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly endedAt: Date;
  readonly wallTimeMs: number;
  /** Why it is lost; null when it ended. */
  readonly lostReason: string | null;
  /** Lost, and proven never to have run. */
  readonly neverStarted?: true;
}

/** What the log of a session tells already of a command's output. */
export interface ToldOutput {
  /** Bytes of UTF-8 that were told of each channel, after the redactor. */
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  /** How many deltas there are: the `seq` of the next one. */
  readonly nextSeq: number;
  /** Nothing more is told: it was too much. */
  readonly elided: boolean;
}

export interface OpStore {
  /**
   * Inserts, or answers the op that has this id already. `events`, and who started it, are stored with the insert
   * only, in the same statement.
   */
  start(
    op: OpRecord,
    events: readonly NewEvent[],
    audit?: NewAuditEntry,
  ): Promise<{ created: boolean; op: OpRecord }>;
  /** The op's end, its events and the group's revision in one statement. A second finish changes nothing. */
  finish(
    op: Pick<OpRecord, 'id' | 'sessionId' | 'groupId' | 'leaseEpoch'>,
    state: 'ended' | 'lost',
    result: OpResult,
    events: readonly NewEvent[],
  ): Promise<{ revision: number }>;
  get(sessionId: string, opId: string): Promise<OpRecord | null>;
  list(sessionId: string): Promise<readonly OpRecord[]>;
  /** Ops that no process has ended yet; with `adoptableBy` only those that `adopt` would give to that host. */
  running(
    limit: number,
    adoptableBy?: { readonly hostId: string; readonly silentMs: number },
  ): Promise<readonly OpRecord[]>;
  /**
   * Takes over a running op that `hostId` has already, or whose host was not heard of for `silentMs`. Null when
   * somebody else follows it, or it has ended. From then on only the new host tells of it.
   */
  adopt(
    op: Pick<OpRecord, 'id' | 'sessionId'>,
    hostId: string,
    options: { readonly silentMs: number },
  ): Promise<ToldOutput | null>;
  /** Ended before the date, oldest first: their spool may go, then `remove` them. */
  expired(endedBefore: Date, limit: number): Promise<readonly OpRecord[]>;
  remove(ops: readonly Pick<OpRecord, 'id' | 'sessionId'>[]): Promise<void>;
}
