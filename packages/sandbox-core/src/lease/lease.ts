import type { StopCause } from '@boxyard/contracts';
import type { BoxRef } from '../box.ts';
import type { SandboxErrorCode } from '../sandbox-error.ts';

/** As stored. Clients see the first four; `replacing` is shown as warming and `terminating` as draining. */
export const LEASE_STATES = ['cold', 'warming', 'warm', 'draining', 'replacing', 'terminating'] as const;
export type LeaseState = (typeof LEASE_STATES)[number];

export const HOLDER_KINDS = ['turn', 'viewer', 'request', 'process'] as const;
export type HolderKind = (typeof HOLDER_KINDS)[number];

/** Names one reason to keep a box. */
export interface HolderKey {
  readonly kind: HolderKind;
  readonly id: string;
  /** A new one for every acquisition: a heartbeat of an attempt that was closed or replaced is refused. */
  readonly attempt: string;
}

/** One reason to keep a box, as stored. At most one for each (kind, id). */
export interface Holder extends HolderKey {
  /** Who holds: a user, a key, a turn; for people who ask why a box is up. */
  readonly subject: string;
  /** Database time. Nothing has to be done by a holder that crashed: it ends here by itself. */
  readonly expiresAtMs: number;
  /** Viewers only: until when a person's last input counts. Null while nobody gave any. */
  readonly inputUntilMs: number | null;
  /** Something was changed through this holder, so the box stays dirty at least as long as it is held. */
  readonly dirty: boolean;
}

/** Why the last spawn or replacement ended without a box. */
export interface LeaseFailure {
  readonly epoch: number;
  readonly code: SandboxErrorCode;
  readonly message: string;
}

/** Who may use the box of one group, and until when. One row in the store; times are the database's. */
export interface Lease {
  readonly groupId: string;
  readonly workspaceId: string;
  readonly state: LeaseState;
  /** Grows with every claim (cold → warming, warm → replacing) and nowhere else. 0 before the first. */
  readonly epoch: number;
  /** The box. On a cold lease it is parked: its files are in place and nothing of it runs. */
  readonly box: BoxRef | null;
  /** The box's provider keeps its files in place when it stops; such a box is destroyed only by deletion. */
  readonly parks: boolean;
  /** The box holds the workspace. False from its creation until it is committed: it has to be restored first. */
  readonly workspaceReady: boolean;
  /** Boxes that this claim made and left; destroyed by its commit. */
  readonly superseded: readonly BoxRef[];
  readonly holders: readonly Holder[];
  /**
   * When the state ends by itself: a claim's TTL, the idle grace of a draining box, the end of a warm box whose
   * provider limits its life.
   */
  readonly deadlineMs: number | null;
  /**
   * Who is terminating, as the epoch cannot tell two reapers apart; or who is making, as one whose answer got lost does
   * not know the epoch.
   */
  readonly claim: string | null;
  /** Why it is terminating; null in every other state. */
  readonly stopping: StopCause | null;
  /** Counts what changed in the workspace, as far as we were told. Survives the box. */
  readonly revision: number;
  /** When the revision last grew. */
  readonly revisedAtMs: number | null;
  /** The revision that the newest committed archive holds at least. */
  readonly capturedRevision: number;
  /** When a dirty box is captured next. */
  readonly captureDueAtMs: number | null;
  /** When the present box was made; its provider's hard lifetime counts from here. */
  readonly boxSinceMs: number | null;
  /** When the box last came up, made or found again; the group's own lifetime counts from here. */
  readonly upSinceMs: number | null;
  /** How long the group lets a box be up at a time; null for as long as its provider does. */
  readonly lifetimeMs: number | null;
  /** This group's own idle grace; null for the one in the settings. */
  readonly idleGraceMs: number | null;
  /** Drains in a row that could not capture. */
  readonly drainFailures: number;
  readonly failure: LeaseFailure | null;
  /** Why the lease is in its state, for people: `request let go`, `turn expired`, `paused`. */
  readonly reason: string | null;
  /** A deleted group stays as a mark, so that its epoch never starts again and a late spawner is refused. */
  readonly deletedAtMs: number | null;
}

/** A box that no lease names any more and that still has to be destroyed. */
export interface BoxToDestroy {
  readonly ref: BoxRef;
  readonly groupId: string;
  readonly epoch: number;
  readonly reason: string;
}

/** The row before anybody asked for a box. */
export function coldLease(groupId: string, workspaceId: string): Lease {
  return {
    groupId,
    workspaceId,
    state: 'cold',
    epoch: 0,
    box: null,
    parks: false,
    workspaceReady: false,
    superseded: [],
    holders: [],
    deadlineMs: null,
    claim: null,
    stopping: null,
    revision: 0,
    revisedAtMs: null,
    capturedRevision: 0,
    captureDueAtMs: null,
    boxSinceMs: null,
    upSinceMs: null,
    lifetimeMs: null,
    idleGraceMs: null,
    drainFailures: 0,
    failure: null,
    reason: null,
    deletedAtMs: null,
  };
}

/** Whether this holder keeps a box at `nowMs`. A viewer does so only while a person's input counts. */
export function isKeeper(holder: Holder, nowMs: number): boolean {
  if (holder.expiresAtMs <= nowMs) return false;
  return holder.kind !== 'viewer' || (holder.inputUntilMs !== null && holder.inputUntilMs > nowMs);
}

/** Whether the box holds something that no committed archive holds. */
export function isDirty(lease: Lease): boolean {
  return lease.revision > lease.capturedRevision || lease.holders.some((holder) => holder.dirty);
}

/**
 * When the reaper has to look at this lease next, or null. A store keeps it beside the row, so that a tick
 * costs what is due and not what is there. A stored value may be earlier than this one, never later.
 */
export function leaseDueAtMs(lease: Lease): number | null {
  const times: number[] = [];
  if (lease.deadlineMs !== null) times.push(lease.deadlineMs);
  for (const holder of lease.holders) {
    times.push(holder.expiresAtMs);
    // Input that has run out says nothing more: counting it would make the lease due for ever.
    if (lease.state === 'warm' && holder.inputUntilMs !== null) times.push(holder.inputUntilMs);
  }
  const captures = lease.state === 'warm' || lease.state === 'draining';
  if (captures && lease.captureDueAtMs !== null) times.push(lease.captureDueAtMs);
  return times.length === 0 ? null : Math.min(...times);
}
