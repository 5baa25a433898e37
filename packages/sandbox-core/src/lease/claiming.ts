// How a box comes to be: one spawner or replacer at a time, told from its predecessors by the epoch.
import type { BoxRef } from '../box.ts';
import { attach, expireHolders, lifetimeEndMs, settle } from './holding.ts';
import type { BoxToDestroy, Lease, LeaseFailure } from './lease.ts';
import { isDirty } from './lease.ts';
import type { LeaseEvent, LeaseOutcomes, LeaseTransition, Refused, Spawn } from './lease-event.ts';
import type { LeaseSettings } from './lease-settings.ts';

export const sameBox = (a: BoxRef, b: BoxRef) => a.provider === b.provider && a.instance === b.instance;

export function condemn(lease: Lease, boxes: readonly BoxRef[], reason: string): readonly BoxToDestroy[] {
  return boxes.map((ref) => ({ ref, groupId: lease.groupId, epoch: lease.epoch, reason }));
}

const isClaimed = (lease: Lease) => lease.state === 'warming' || lease.state === 'replacing';
const refused = (lease: Lease): Refused => ({ kind: 'refused', epoch: lease.epoch });

function claim(
  lease: Lease,
  state: 'warming' | 'replacing',
  by: string,
  nowMs: number,
  settings: LeaseSettings,
): { readonly lease: Lease; readonly spawn: Spawn } {
  const claimed: Lease = {
    ...lease,
    state,
    epoch: lease.epoch + 1,
    claim: by,
    deadlineMs: nowMs + settings.warmingTtlMs,
    captureDueAtMs: null,
    failure: null,
    reason: state === 'warming' ? 'acquired' : lease.reason,
  };
  const previous = lease.box === null ? null : { box: lease.box, workspaceReady: lease.workspaceReady };
  const ended = lease.holders.every((holder) => !holder.dirty);
  const uncaptured = isDirty(lease)
    ? { revisedAtMs: lease.revisedAtMs, revision: ended ? lease.revision : null }
    : null;
  return { lease: claimed, spawn: { kind: 'spawn', epoch: claimed.epoch, previous, uncaptured } };
}

/** A claim ends without a box: what it made is destroyed, except a folder that belongs to the group. */
function abandonClaim(
  lease: Lease,
  failure: LeaseFailure | null,
  reason: string,
): { readonly lease: Lease; readonly condemned: readonly BoxToDestroy[] } {
  const made = lease.box === null || lease.parks ? [] : [lease.box];
  return {
    lease: {
      ...lease,
      state: 'cold',
      box: lease.parks ? lease.box : null,
      workspaceReady: lease.parks && lease.workspaceReady,
      boxSinceMs: lease.parks ? lease.boxSinceMs : null,
      superseded: [],
      deadlineMs: null,
      claim: null,
      failure,
      reason,
    },
    condemned: condemn(lease, [...made, ...lease.superseded], reason),
  };
}

/** Takes the claim away from a spawner that has been silent for too long. */
export function expireClaim(
  lease: Lease,
  nowMs: number,
): { readonly lease: Lease; readonly condemned: readonly BoxToDestroy[] } {
  const over = isClaimed(lease) && lease.deadlineMs !== null && lease.deadlineMs <= nowMs;
  return over ? abandonClaim(lease, null, 'the spawner was silent for too long') : { lease, condemned: [] };
}

export function acquire(
  lease: Lease,
  event: LeaseEvent<'acquire'>,
  nowMs: number,
  settings: LeaseSettings,
): LeaseTransition<LeaseOutcomes['acquire']> {
  if (lease.deletedAtMs !== null) return { lease, outcome: { kind: 'deleted' }, condemned: [] };
  const judged = expireClaim(lease, nowMs);
  const expected = event.expectedEpoch;
  // A cold lease can only give a box of a later epoch.
  if (expected !== undefined && (expected !== lease.epoch || judged.lease.state === 'cold'))
    return { lease, outcome: { kind: 'fenced', epoch: lease.epoch }, condemned: [] };

  const held = expireHolders(attach(judged.lease, event.holder, nowMs, settings), nowMs, settings);
  const { idleGraceMs = held.idleGraceMs, lifetimeMs = held.lifetimeMs } = event;
  const next = { ...held, idleGraceMs, lifetimeMs };
  const { condemned } = judged;
  if (next.state === 'cold') {
    const { lease: claimed, spawn } = claim(next, 'warming', event.holder.attempt, nowMs, settings);
    return { lease: claimed, outcome: spawn, condemned };
  }
  if ((next.state === 'warm' || next.state === 'draining') && next.box !== null)
    return { lease: next, outcome: { kind: 'joined', epoch: next.epoch, box: next.box }, condemned };
  return { lease: next, outcome: { kind: 'wait', state: next.state, epoch: next.epoch }, condemned };
}

export function claimBeat(
  lease: Lease,
  event: LeaseEvent<'claimBeat'>,
  nowMs: number,
  settings: LeaseSettings,
): LeaseTransition<LeaseOutcomes['claimBeat']> {
  if (!isClaimed(lease) || lease.epoch !== event.epoch)
    return { lease, outcome: refused(lease), condemned: [] };
  const deadlineMs = nowMs + settings.warmingTtlMs;
  return { lease: { ...lease, deadlineMs }, outcome: { kind: 'done' }, condemned: [] };
}

/**
 * Whoever is refused made a box that must go, unless the lease names it. While the lease names none, a box that
 * parks may be the very folder that the next claim is about to find: it stays for the sweep to judge.
 */
function refuseBox(lease: Lease, box: BoxRef, parks: boolean, epoch: number): LeaseTransition<Refused> {
  const named = [...(lease.box === null ? [] : [lease.box]), ...lease.superseded].some((other) =>
    sameBox(other, box),
  );
  const keep = named || (parks && lease.box === null && lease.deletedAtMs === null);
  const condemned = keep
    ? []
    : [{ ref: box, groupId: lease.groupId, epoch, reason: 'made by a claim that was lost' }];
  return { lease, outcome: refused(lease), condemned };
}

export function created(
  lease: Lease,
  event: LeaseEvent<'created'>,
  nowMs: number,
  settings: LeaseSettings,
): LeaseTransition<LeaseOutcomes['created']> {
  if (!isClaimed(lease) || lease.epoch !== event.epoch)
    return refuseBox(lease, event.box, event.parks, event.epoch);
  const left = lease.box !== null && !sameBox(lease.box, event.box) ? [lease.box] : [];
  return {
    lease: {
      ...lease,
      box: event.box,
      parks: event.parks,
      workspaceReady: false,
      boxSinceMs: nowMs,
      superseded: [...lease.superseded.filter((other) => !sameBox(other, event.box)), ...left],
      deadlineMs: nowMs + settings.warmingTtlMs,
    },
    outcome: { kind: 'done' },
    condemned: [],
  };
}

export function commit(
  lease: Lease,
  event: LeaseEvent<'commit'>,
  nowMs: number,
  settings: LeaseSettings,
): LeaseTransition<LeaseOutcomes['commit']> {
  // The reply to an earlier commit may have been lost: the same one again changes nothing.
  const again =
    (lease.state === 'warm' || lease.state === 'draining') &&
    lease.epoch === event.epoch &&
    lease.box !== null &&
    sameBox(lease.box, event.box);
  if (again) return { lease, outcome: { kind: 'done' }, condemned: [] };
  if (!isClaimed(lease) || lease.epoch !== event.epoch)
    return refuseBox(lease, event.box, event.parks, event.epoch);
  const left = [...(lease.box === null ? [] : [lease.box]), ...lease.superseded].filter(
    (other) => !sameBox(other, event.box),
  );
  const warm: Lease = {
    ...lease,
    state: 'warm',
    box: event.box,
    parks: event.parks,
    workspaceReady: true,
    superseded: [],
    claim: null,
    boxSinceMs: event.fresh ? (lease.boxSinceMs ?? nowMs) : lease.boxSinceMs,
    upSinceMs: nowMs,
    // What a new box lacks was said in its receipt; from here on it holds what its archive holds.
    capturedRevision: event.fresh ? lease.revision : lease.capturedRevision,
    drainFailures: 0,
    reason: 'ready',
  };
  const bounded: Lease = { ...warm, deadlineMs: lifetimeEndMs(warm, settings) };
  return {
    lease: settle(expireHolders(bounded, nowMs, settings), nowMs, settings, 'nobody waits for it any more'),
    outcome: { kind: 'done' },
    condemned: condemn(lease, left, 'replaced by a later box of the same claim'),
  };
}

export function fail(lease: Lease, event: LeaseEvent<'fail'>): LeaseTransition<LeaseOutcomes['fail']> {
  if (!isClaimed(lease) || lease.epoch !== event.epoch)
    return { lease, outcome: refused(lease), condemned: [] };
  const failure = { epoch: event.epoch, ...event.failure };
  return { ...abandonClaim(lease, failure, 'the box could not be made'), outcome: { kind: 'done' } };
}

export function disown(lease: Lease, event: LeaseEvent<'disown'>): LeaseTransition<LeaseOutcomes['disown']> {
  if (!isClaimed(lease) || lease.claim !== event.claim)
    return { lease, outcome: refused(lease), condemned: [] };
  return { ...abandonClaim(lease, null, 'its maker never heard of it'), outcome: { kind: 'done' } };
}

export function orphaned(
  lease: Lease,
  _event: LeaseEvent<'orphaned'>,
  nowMs: number,
): LeaseTransition<LeaseOutcomes['orphaned']> {
  const outcome = { kind: 'done' } as const;
  if (isClaimed(lease)) return { ...abandonClaim(lease, null, 'its process had died'), outcome };
  // The box is still there: the next reaper ends what this one began.
  const next = lease.state === 'terminating' ? { ...lease, deadlineMs: nowMs } : lease;
  return { lease: next, outcome, condemned: [] };
}

export function replace(
  lease: Lease,
  event: LeaseEvent<'replace'>,
  nowMs: number,
  settings: LeaseSettings,
): LeaseTransition<LeaseOutcomes['replace']> {
  if (lease.deletedAtMs !== null) return { lease, outcome: refused(lease), condemned: [] };
  if (isClaimed(lease) && lease.epoch === event.epoch + 1)
    return { lease, outcome: { kind: 'wait', state: lease.state, epoch: lease.epoch }, condemned: [] };
  if ((lease.state !== 'warm' && lease.state !== 'draining') || lease.epoch !== event.epoch)
    return { lease, outcome: refused(lease), condemned: [] };
  // A missing folder leaves nothing to destroy, and its name is the one that the next box will have.
  const left = lease.box === null || lease.parks ? [] : [lease.box];
  const reason = 'the box was gone';
  const empty: Lease = {
    ...lease,
    box: null,
    workspaceReady: false,
    boxSinceMs: null,
    superseded: [],
    reason,
  };
  const { lease: claimed, spawn } = claim(empty, 'replacing', event.claim, nowMs, settings);
  return {
    lease: claimed,
    outcome: spawn,
    condemned: condemn(lease, [...left, ...lease.superseded], reason),
  };
}
