import type { BoxRef } from '../box.ts';
import type { CallOptions } from '../call-options.ts';
import type { BoxToDestroy, HolderKey, Lease, LeaseState } from '../lease/lease.ts';

export interface LeaseDecision<Result> {
  /** What to store; the row stays as it is when absent or when it is the lease that was handed in. */
  readonly lease?: Lease | undefined;
  /** Added to the condemned boxes in the same transaction. A ref that is there already stays as it is. */
  readonly condemned?: readonly BoxToDestroy[] | undefined;
  readonly result: Result;
}

/** Judges a row under its lock. Pure: a store may ask again after a conflict. `nowMs` is database time. */
export type DecideLease<Result> = (lease: Lease, nowMs: number) => LeaseDecision<Result>;

export interface JoinHolder extends HolderKey {
  readonly subject: string;
  readonly ttlMs: number;
}

export interface CondemnedBox extends BoxToDestroy {
  readonly id: string;
  /** How often its destruction was tried, this time included. */
  readonly attempts: number;
}

/**
 * Leases and condemned boxes. Only the store's own clock (the database's, plus a test offset) enters a row.
 * Every method throws `unreachable` when the record cannot be read or written; none answers empty instead.
 */
export interface LeaseStore {
  /**
   * Inserts the cold row when there is none (ignoring a conflict), locks the row, waiting for the lock, and
   * commits what `decide` answers. Waiters of the group are notified when state, epoch or deletion changed.
   */
  change<Result>(
    group: { readonly groupId: string; readonly workspaceId: string },
    decide: DecideLease<Result>,
    options?: CallOptions,
  ): Promise<Result>;
  /** As `change`, for a row that is there already; null, and nothing is decided, when there is none. */
  changeExisting<Result>(
    groupId: string,
    decide: DecideLease<Result>,
    options?: CallOptions,
  ): Promise<Result | null>;
  /**
   * The short way of acquiring: one statement that adds the holder to a **warm** lease whose epoch is the
   * expected one, which is not deleted and has no holder of this (kind, id), and makes it due at the holder's
   * expiry if that is earlier. Null when it was not applied: then `change` decides.
   */
  join(
    groupId: string,
    holder: JoinHolder,
    options?: CallOptions & { readonly expectedEpoch?: number | undefined },
  ): Promise<{ readonly epoch: number; readonly box: BoxRef } | null>;
  /**
   * The short way of releasing: one statement that removes the holder of this attempt, when it is not dirty,
   * from a warm lease, and makes the lease draining with a deadline of now + idle grace (the lease's own,
   * else `idleGraceMs`), or its present deadline if that is earlier, when no keeper is left. False when it was not applied: then `changeExisting` decides.
   * A store may apply it only where another keeper is left.
   */
  leave(
    groupId: string,
    holder: HolderKey,
    options: CallOptions & { readonly idleGraceMs: number },
  ): Promise<boolean>;
  read(groupId: string, options?: CallOptions): Promise<Lease | null>;
  /** The leases of those groups that have one, in one statement. */
  list(groupIds: readonly string[], options?: CallOptions): Promise<readonly Lease[]>;
  /** Up to `limit` leases whose box is up; a parked one is not. */
  up(limit: number, options?: CallOptions): Promise<readonly Lease[]>;
  /** Groups after this one, by id, whose box is being made, replaced or stopped by some process. */
  claimed(
    limit: number,
    options?: CallOptions & { readonly after?: string | undefined },
  ): Promise<readonly string[]>;
  /** Groups whose `leaseDueAtMs` has passed, the longest due first. */
  due(limit: number, options?: CallOptions): Promise<readonly string[]>;
  /**
   * Resolves once the group's state or epoch is not the one that was seen, or the group is deleted or absent:
   * compared after listening began, so that nothing is missed. By notification. Rejects with `timeout` or
   * `cancelled`.
   */
  waitForChange(
    groupId: string,
    seen: { readonly state: LeaseState; readonly epoch: number },
    options?: CallOptions,
  ): Promise<void>;
  /** Records a box that has to be destroyed, outside of any change of its lease. */
  condemn(boxes: readonly BoxToDestroy[], options?: CallOptions): Promise<void>;
  /**
   * Takes up to `limit` condemned boxes whose time has come (of one group when given) and puts their next
   * time off by `retryAfterMs` × 2^attempts, at most `maxRetryAfterMs`, so that a crash of the taker only
   * delays them. Rows locked by another taker are passed over.
   */
  takeCondemned(
    limit: number,
    options: CallOptions & {
      readonly retryAfterMs: number;
      readonly maxRetryAfterMs: number;
      readonly groupId?: string | undefined;
    },
  ): Promise<readonly CondemnedBox[]>;
  /** The box is destroyed: its entry goes. */
  removeCondemned(id: string, options?: CallOptions): Promise<void>;
  /** Up to `limit` condemned boxes of all groups, due or not, the longest tried first. */
  allCondemned(limit: number, options?: CallOptions): Promise<readonly CondemnedBox[]>;
  /** Every condemned box of those groups, due or not. */
  listCondemned(groupIds: readonly string[], options?: CallOptions): Promise<readonly CondemnedBox[]>;
}
