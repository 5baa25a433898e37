import type { StopCause } from '@boxyard/contracts';
import type { BoxRef } from '../box.ts';
import type { SandboxErrorCode } from '../sandbox-error.ts';
import type { BoxToDestroy, Holder, HolderKey, Lease, LeaseState } from './lease.ts';

/** What can happen to a lease, by name. */
export interface LeaseEvents {
  /** Somebody wants the box. Safe to repeat with the same attempt, which also names the claim, should there be one. */
  acquire: {
    readonly holder: HolderKey & { readonly subject: string };
    /** Only the box of this epoch will do; any other is refused and nothing is written. */
    readonly expectedEpoch?: number | undefined;
    /** The group's own idle grace from now on. */
    readonly idleGraceMs?: number | null | undefined;
    /** How long a box of the group may be up at a time, from the next one on. */
    readonly lifetimeMs?: number | null | undefined;
  };
  heartbeat: {
    readonly holder: HolderKey;
    /** A person gave input through this viewer since its last heartbeat. */
    readonly input?: boolean | undefined;
    /** Something was changed through this holder. */
    readonly dirty?: boolean | undefined;
  };
  release: { readonly holder: HolderKey; readonly dirty?: boolean | undefined };
  /** The spawner or replacer of this epoch is alive. */
  claimBeat: { readonly epoch: number };
  /** The claim made a box whose workspace is not there yet. */
  created: { readonly epoch: number; readonly box: BoxRef; readonly parks: boolean };
  /** The claim's box is proven ready. `fresh`: it was made by this claim, not found again. */
  commit: {
    readonly epoch: number;
    readonly box: BoxRef;
    readonly parks: boolean;
    readonly fresh: boolean;
  };
  fail: {
    readonly epoch: number;
    readonly failure: { readonly code: SandboxErrorCode; readonly message: string };
  };
  /** The answer to a claim was lost, so that nobody makes the box in its name. */
  disown: { readonly claim: string };
  /** Whoever makes, replaces or stops the box is known to be dead: nobody has to wait for its time to run out. */
  orphaned: Record<never, never>;
  /** The box is proven gone: this caller replaces it. */
  replace: { readonly epoch: number; readonly claim: string };
  /** Stop the box now. Without `force` only when nothing keeps it. */
  pause: {
    readonly claim: string;
    readonly force: boolean;
    /** `pause` when absent. */
    readonly cause?: 'pause' | 'budget' | undefined;
  };
  /** A reaper looks at a lease whose time has come. `claim` names its termination, should there be one. */
  due: { readonly claim: string };
  terminateBeat: { readonly claim: string };
  /** What was to be kept is captured: the box may go. */
  terminated: {
    readonly claim: string;
    /** The revision that the capture holds; null when there was none. */
    readonly capturedRevision: number | null;
    readonly gone: boolean;
  };
  /** Nothing could be captured: the box stays up. */
  captureFailed: { readonly claim: string; readonly reason: string };
  /** A capture of a running box is committed. */
  captured: { readonly epoch: number; readonly revision: number };
  delete: Record<never, never>;
  /** The archives of a deleted group are marked for deletion. */
  discarded: Record<never, never>;
}

export type LeaseEventType = keyof LeaseEvents;
export type LeaseEvent<Type extends LeaseEventType = LeaseEventType> = {
  [T in Type]: { readonly type: T } & LeaseEvents[T];
}[Type];

/** This caller makes the box, and is refused once the lease has another epoch. */
export interface Spawn {
  readonly kind: 'spawn';
  readonly epoch: number;
  /** A parked box to be tried first. */
  readonly previous: { readonly box: BoxRef; readonly workspaceReady: boolean } | null;
  /** Changes that no archive holds: what is restored is older than what was there. */
  readonly uncaptured: {
    readonly revisedAtMs: number | null;
    /** An archive of this revision would hold all of them; null while a holder may have gone on changing things. */
    readonly revision: number | null;
  } | null;
}
/** This caller captures the box, stops it and reports `terminated` or `captureFailed`. */
export interface Terminate {
  readonly kind: 'terminate';
  readonly claim: string;
  readonly epoch: number;
  readonly box: BoxRef;
  readonly parks: boolean;
  readonly revision: number;
  readonly dirty: boolean;
  readonly cause: StopCause;
}
export interface Wait {
  readonly kind: 'wait';
  readonly state: LeaseState;
  readonly epoch: number;
}
/** The caller's epoch, attempt or claim is not the present one. */
export interface Refused {
  readonly kind: 'refused';
  readonly epoch: number;
}
export interface Done {
  readonly kind: 'done';
}

/** What the caller has to do next, by the name of the event. */
export interface LeaseOutcomes {
  acquire:
    | { readonly kind: 'joined'; readonly epoch: number; readonly box: BoxRef }
    | Spawn
    | Wait
    | { readonly kind: 'fenced'; readonly epoch: number }
    | { readonly kind: 'deleted' };
  heartbeat:
    | { readonly kind: 'kept'; readonly state: LeaseState; readonly epoch: number; readonly keeps: boolean }
    | Refused;
  release: Done;
  claimBeat: Done | Refused;
  created: Done | Refused;
  commit: Done | Refused;
  fail: Done | Refused;
  disown: Done | Refused;
  orphaned: Done;
  replace: Spawn | Wait | Refused;
  pause:
    | { readonly kind: 'stopped' }
    | { readonly kind: 'kept'; readonly holders: readonly Holder[] }
    | Terminate
    | Wait;
  due:
    | { readonly kind: 'none' }
    | { readonly kind: 'capture'; readonly epoch: number; readonly box: BoxRef; readonly revision: number }
    | { readonly kind: 'discard' }
    | Terminate;
  terminateBeat: Done | Refused;
  terminated: Done | Refused;
  captureFailed: Done | Refused;
  captured: Done | Refused;
  delete: { readonly kind: 'deleted' };
  discarded: Done;
}

export interface LeaseTransition<Outcome> {
  readonly lease: Lease;
  readonly outcome: Outcome;
  readonly condemned: readonly BoxToDestroy[];
}
