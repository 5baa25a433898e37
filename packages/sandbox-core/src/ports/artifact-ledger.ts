import type { CallOptions } from '../call-options.ts';

/**
 * `candidate` = its bytes are being stored; `current` = the newest capture that is committed; `previous` = those
 * before it that are kept; `delete_pending` = nothing refers to it and its bytes still have to go.
 */
export const ARTIFACT_STATES = ['candidate', 'current', 'previous', 'delete_pending'] as const;
export type ArtifactState = (typeof ARTIFACT_STATES)[number];

export interface ArtifactToStore {
  readonly groupId: string;
  readonly workspaceId: string;
  /** Of the box that is captured. */
  readonly epoch: number;
  /** The lease's revision when the capture started. */
  readonly revision: number;
  /** Where the archive's bytes will be in the blob store. Unique. */
  readonly archiveKey: string;
  /** Where the manifest's JSON will be. */
  readonly manifestKey: string;
}

export interface Artifact extends ArtifactToStore {
  readonly id: string;
  readonly state: ArtifactState;
  /** The order in which captures of a group **started**: a later one has a higher number. */
  readonly sequence: number;
  /** Database time. */
  readonly startedAtMs: number;
  /** Null while it is a candidate. */
  readonly sizeBytes: number | null;
  /** Hex digest of the archive's bytes; null while it is a candidate. */
  readonly sha256: string | null;
}

/** Knows every archive that was ever begun, so that none is lost and none is forgotten. */
export interface ArtifactLedger {
  /** Before the first byte is stored. A candidate that is not committed within `candidateTtlMs` is silent. */
  begin(
    artifact: ArtifactToStore,
    options: CallOptions & { readonly candidateTtlMs: number },
  ): Promise<Artifact>;
  /**
   * The bytes are stored. Under the lease's row lock (shared): of the committed artifacts of the group the one
   * with the highest sequence becomes `current`, the next ones (`former`, 1 when absent) `previous`, all others
   * `delete_pending`.
   * `refused`, and delete_pending, when the group is deleted, its lease has another epoch than the artifact,
   * or the candidate is no candidate any more. Committing twice answers the same.
   */
  commit(
    id: string,
    stored: { readonly sizeBytes: number; readonly sha256: string },
    options?: CallOptions & { readonly former?: number | undefined },
  ): Promise<'committed' | 'refused'>;
  /** Candidates that started after the current artifact, the newest first: what a crash may have left uncommitted. */
  candidates(groupId: string, options?: CallOptions): Promise<readonly Artifact[]>;
  /**
   * As `commit`, by somebody else than who captured, who found the bytes whole. With `claim`, the epoch of a box that
   * is just being made and will be restored from this, the artifact may be of an earlier epoch; refused because of
   * its claim it stays a candidate.
   */
  adopt(
    id: string,
    stored: { readonly sizeBytes: number; readonly sha256: string },
    options?: CallOptions & { readonly claim?: number | undefined; readonly former?: number | undefined },
  ): Promise<'committed' | 'refused'>;
  /**
   * Up to `limit` candidates that were not committed in time, put off by `retryAfterMs`: whoever takes them adopts
   * or abandons them.
   */
  takeSilent(
    limit: number,
    options: CallOptions & { readonly retryAfterMs: number },
  ): Promise<readonly Artifact[]>;
  /** The capture failed: the candidate becomes delete_pending. */
  abandon(id: string, options?: CallOptions): Promise<void>;
  /** What a box can be restored from, the newest first: current, then previous. */
  restorable(groupId: string, options?: CallOptions): Promise<readonly Artifact[]>;
  /** The group is deleted: everything of it becomes delete_pending. Idempotent. */
  discard(groupId: string, options?: CallOptions): Promise<void>;
  /** Up to `limit` artifacts whose bytes have to go, put off by `retryAfterMs` so that a crash only delays. */
  takeDeletable(
    limit: number,
    options: CallOptions & { readonly retryAfterMs: number },
  ): Promise<readonly Artifact[]>;
  /**
   * Which of these keys belong to a group that has, or had, a lease here, and are of no artifact on record. Keys of
   * groups that were never here are left out: somebody else may share the blob store.
   */
  unknown(
    blobs: readonly { readonly key: string; readonly groupId: string }[],
    options?: CallOptions,
  ): Promise<readonly string[]>;
  /** The bytes are gone: the row goes too. */
  removeDeleted(id: string, options?: CallOptions): Promise<void>;
}
