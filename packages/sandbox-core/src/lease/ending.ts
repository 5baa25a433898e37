// How a box ends: idle, paused, at its lifetime or with its group; always through a capture, except the last.
import type { StopCause } from '@boxyard/contracts';
import { condemn, expireClaim } from './claiming.ts';
import { expireHolders, lifetimeEndMs, settle, withCaptureDue } from './holding.ts';
import type { Lease } from './lease.ts';
import { isDirty, isKeeper } from './lease.ts';
import type { LeaseEvent, LeaseOutcomes, LeaseTransition, Refused, Terminate } from './lease-event.ts';
import type { LeaseSettings } from './lease-settings.ts';

const refuse = (lease: Lease): LeaseTransition<Refused> => ({
  lease,
  outcome: { kind: 'refused', epoch: lease.epoch },
  condemned: [],
});

function terminate(
  lease: Lease,
  { claim, cause }: { readonly claim: string; readonly cause: StopCause },
  nowMs: number,
  settings: LeaseSettings,
): LeaseTransition<Terminate> | null {
  if (lease.box === null) return null;
  const { epoch, box, parks, revision } = lease;
  return {
    lease: {
      ...lease,
      state: 'terminating',
      claim,
      stopping: cause,
      deadlineMs: nowMs + settings.terminatingTtlMs,
      captureDueAtMs: null,
    },
    outcome: { kind: 'terminate', claim, epoch, box, parks, revision, dirty: isDirty(lease), cause },
    condemned: [],
  };
}

export function due(
  lease: Lease,
  event: LeaseEvent<'due'>,
  nowMs: number,
  settings: LeaseSettings,
): LeaseTransition<LeaseOutcomes['due']> {
  if (lease.deletedAtMs !== null)
    return { lease, outcome: { kind: lease.deadlineMs === null ? 'none' : 'discard' }, condemned: [] };
  const judged = expireClaim(lease, nowMs);
  const next = expireHolders(judged.lease, nowMs, settings);
  const none = { lease: next, outcome: { kind: 'none' } as const, condemned: judged.condemned };
  const over = next.deadlineMs !== null && next.deadlineMs <= nowMs;
  const isUp = next.state === 'warm' || next.state === 'draining';
  // A kept box ends too when its provider is about to end it: captured now, it is made anew for whoever opens it.
  // A reaper that died while terminating is followed by the next one; its claim is void from here on.
  if (over && (isUp || next.state === 'terminating')) {
    const reason = next.state === 'warm' ? 'the box reached the end of its life' : next.reason;
    const outlived = (lifetimeEndMs(next, settings) ?? Number.POSITIVE_INFINITY) <= nowMs;
    const cause = next.stopping ?? (outlived ? 'lifetime' : 'idle');
    return terminate({ ...next, reason }, { claim: event.claim, cause }, nowMs, settings) ?? none;
  }
  if (!isUp || next.box === null) return none;
  const { epoch, box, revision } = next;
  if (next.captureDueAtMs === null || next.captureDueAtMs > nowMs) return none;
  const captureDueAtMs = nowMs + settings.captureIntervalMs;
  return { ...none, lease: { ...next, captureDueAtMs }, outcome: { kind: 'capture', epoch, box, revision } };
}

export function pause(
  lease: Lease,
  event: LeaseEvent<'pause'>,
  nowMs: number,
  settings: LeaseSettings,
): LeaseTransition<LeaseOutcomes['pause']> {
  const judged = expireClaim(lease, nowMs);
  const next = expireHolders(judged.lease, nowMs, settings);
  const { condemned } = judged;
  if (next.state === 'cold') return { lease: next, outcome: { kind: 'stopped' }, condemned };
  const keepers = next.holders.filter((holder) => isKeeper(holder, nowMs));
  if (keepers.length > 0 && !event.force && next.state !== 'terminating')
    return { lease: next, outcome: { kind: 'kept', holders: keepers }, condemned };
  if (next.state !== 'warm' && next.state !== 'draining')
    return { lease: next, outcome: { kind: 'wait', state: next.state, epoch: next.epoch }, condemned };
  // Who held the box is told by the refusal of the next heartbeat.
  const dirty = next.holders.some((holder) => holder.dirty);
  const { claim, cause = 'pause' } = event;
  const freed: Lease = {
    ...next,
    holders: [],
    revision: dirty ? next.revision + 1 : next.revision,
    revisedAtMs: dirty ? nowMs : next.revisedAtMs,
    reason: cause === 'budget' ? 'the budget of the workspace is used up' : 'paused',
  };
  return (
    terminate(freed, { claim, cause }, nowMs, settings) ?? {
      lease: next,
      outcome: { kind: 'stopped' },
      condemned,
    }
  );
}

const holdsClaim = (lease: Lease, claim: string) => lease.state === 'terminating' && lease.claim === claim;

export function terminateBeat(
  lease: Lease,
  event: LeaseEvent<'terminateBeat'>,
  nowMs: number,
  settings: LeaseSettings,
): LeaseTransition<LeaseOutcomes['terminateBeat']> {
  if (!holdsClaim(lease, event.claim)) return refuse(lease);
  const deadlineMs = nowMs + settings.terminatingTtlMs;
  return { lease: { ...lease, deadlineMs }, outcome: { kind: 'done' }, condemned: [] };
}

export function terminated(
  lease: Lease,
  event: LeaseEvent<'terminated'>,
): LeaseTransition<LeaseOutcomes['terminated']> {
  if (!holdsClaim(lease, event.claim)) return refuse(lease);
  const parked = lease.parks && !event.gone;
  const left = lease.box === null || lease.parks ? [] : [lease.box];
  // Who still waits here changed nothing since the capture: without its box nobody could.
  const clean = event.capturedRevision !== null;
  return {
    lease: {
      ...lease,
      holders: clean ? lease.holders.map((holder) => ({ ...holder, dirty: false })) : lease.holders,
      state: 'cold',
      box: parked ? lease.box : null,
      workspaceReady: parked && lease.workspaceReady,
      boxSinceMs: parked ? lease.boxSinceMs : null,
      superseded: [],
      deadlineMs: null,
      claim: null,
      stopping: null,
      capturedRevision: Math.max(lease.capturedRevision, event.capturedRevision ?? 0),
      drainFailures: 0,
    },
    outcome: { kind: 'done' },
    condemned: condemn(lease, [...left, ...lease.superseded], lease.reason ?? 'drained'),
  };
}

export function captureFailed(
  lease: Lease,
  event: LeaseEvent<'captureFailed'>,
  nowMs: number,
  settings: LeaseSettings,
): LeaseTransition<LeaseOutcomes['captureFailed']> {
  if (!holdsClaim(lease, event.claim)) return refuse(lease);
  const backOffMs = Math.min(
    settings.captureRetryMs * 2 ** lease.drainFailures,
    Math.max(settings.idleGraceMs, settings.captureRetryMs),
  );
  const draining: Lease = {
    ...lease,
    state: 'draining',
    claim: null,
    stopping: null,
    deadlineMs: nowMs + backOffMs,
    drainFailures: lease.drainFailures + 1,
    reason: event.reason,
  };
  return { lease: settle(draining, nowMs, settings, event.reason), outcome: { kind: 'done' }, condemned: [] };
}

export function captured(
  lease: Lease,
  event: LeaseEvent<'captured'>,
  nowMs: number,
  settings: LeaseSettings,
): LeaseTransition<LeaseOutcomes['captured']> {
  if (lease.epoch !== event.epoch || lease.deletedAtMs !== null) return refuse(lease);
  const capturedRevision = Math.max(lease.capturedRevision, event.revision);
  const next = withCaptureDue({ ...lease, capturedRevision }, nowMs, settings);
  return { lease: next, outcome: { kind: 'done' }, condemned: [] };
}

/** Works in every state; a claim or a termination under way is refused afterwards. */
export function deleteGroup(
  lease: Lease,
  _event: LeaseEvent<'delete'>,
  nowMs: number,
): LeaseTransition<LeaseOutcomes['delete']> {
  if (lease.deletedAtMs !== null) return { lease, outcome: { kind: 'deleted' }, condemned: [] };
  const boxes = [...(lease.box === null ? [] : [lease.box]), ...lease.superseded];
  return {
    lease: {
      ...lease,
      state: 'cold',
      box: null,
      workspaceReady: false,
      superseded: [],
      holders: [],
      // Due at once, until the archives are given up too.
      deadlineMs: nowMs,
      claim: null,
      stopping: null,
      captureDueAtMs: null,
      boxSinceMs: null,
      reason: 'deleted',
      deletedAtMs: nowMs,
    },
    outcome: { kind: 'deleted' },
    condemned: condemn(lease, boxes, 'the group was deleted'),
  };
}

export function discarded(lease: Lease): LeaseTransition<LeaseOutcomes['discarded']> {
  const next = lease.deletedAtMs === null ? lease : { ...lease, deadlineMs: null };
  return { lease: next, outcome: { kind: 'done' }, condemned: [] };
}
