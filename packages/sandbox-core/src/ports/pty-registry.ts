import type { PtyExitReason } from '@boxyard/contracts';
import type { NewEvent } from './event-log.ts';

/** A terminal lives in one server process, its host; any other finds it by this record. */
export interface PtyRecord {
  readonly id: string;
  readonly sessionId: string;
  readonly groupId: string;
  readonly hostId: string;
  readonly leaseEpoch: number;
  readonly cols: number;
  readonly rows: number;
  readonly createdAt: Date;
}

export interface PtyRecordEnd {
  readonly exitCode: number | null;
  readonly reason: PtyExitReason;
}

export interface KnownPty extends PtyRecord {
  /** Null while it lives, as far as is known. */
  readonly end: PtyRecordEnd | null;
  /** The host has been heard of lately. */
  readonly hostAlive: boolean;
}

/** A host that was not heard of for so long has died with its terminals. */
export const HOST_SILENT_MS = 20_000;
export const HOST_BEAT_MS = 5_000;
/** How long the record of an ended terminal stays, for viewers that come back. */
export const PTY_END_KEPT_MS = 60_000;

/** Terminals of all servers on one record, and which of these servers live. */
export interface PtyRegistry {
  /** The record and its events in one statement. @throws SandboxError `not-found` for a deleted session. */
  add(pty: PtyRecord, events: readonly NewEvent[]): Promise<void>;
  /** The end and its events in one statement. False when somebody has recorded an end before: nothing changes. */
  end(
    pty: Pick<PtyRecord, 'id' | 'sessionId' | 'groupId' | 'leaseEpoch'>,
    end: PtyRecordEnd,
    events: readonly NewEvent[],
  ): Promise<boolean>;
  resized(ptyId: string, cols: number, rows: number): Promise<void>;
  get(sessionId: string, ptyId: string): Promise<KnownPty | null>;
  /** Those that live. */
  list(sessionId: string): Promise<readonly KnownPty[]>;
  /**
   * Says that the host lives, every `HOST_BEAT_MS`. Answers which of its terminals live by the record: others may
   * have taken a host that was silent for dead. Clears away what is old.
   */
  beat(hostId: string): Promise<readonly string[]>;
  /**
   * Terminals that live by the record, of hosts other than this one that are silent for `silentMs`, and those of
   * `alsoIds`, which this host has lost.
   */
  orphans(
    hostId: string,
    options: { readonly silentMs: number; readonly limit: number; readonly alsoIds?: readonly string[] },
  ): Promise<readonly PtyRecord[]>;
}
