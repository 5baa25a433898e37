import type { Holder, HolderKey, Lease } from './lease.ts';
import { isDirty, isKeeper } from './lease.ts';
import type { LeaseEvent, LeaseOutcomes, LeaseTransition } from './lease-event.ts';
import type { LeaseSettings } from './lease-settings.ts';

const graceOf = (lease: Lease, settings: LeaseSettings) => lease.idleGraceMs ?? settings.idleGraceMs;
const sameHolder = (a: HolderKey, b: HolderKey) => a.kind === b.kind && a.id === b.id;
const sameAttempt = (a: HolderKey, b: HolderKey) => sameHolder(a, b) && a.attempt === b.attempt;

/** When a box has to go however much it is needed: its provider is about to end it, or its group's time is over. */
export function lifetimeEndMs(lease: Lease, settings: LeaseSettings): number | null {
  const byProvider =
    settings.boxLifetimeMs === null || lease.boxSinceMs === null
      ? Number.POSITIVE_INFINITY
      : lease.boxSinceMs + settings.boxLifetimeMs - settings.lifetimeMarginMs;
  const byGroup =
    lease.lifetimeMs === null || lease.upSinceMs === null
      ? Number.POSITIVE_INFINITY
      : lease.upSinceMs + lease.lifetimeMs;
  const end = Math.min(byProvider, byGroup);
  return Number.isFinite(end) ? end : null;
}

function revised(lease: Lease, nowMs: number): Lease {
  return { ...lease, revision: lease.revision + 1, revisedAtMs: nowMs };
}

/** A dirty running box is due for a capture, a clean one is not. */
export function withCaptureDue(lease: Lease, nowMs: number, settings: LeaseSettings): Lease {
  const runs = lease.state === 'warm' || lease.state === 'draining';
  const captureDueAtMs =
    runs && isDirty(lease) ? (lease.captureDueAtMs ?? nowMs + settings.captureIntervalMs) : null;
  return captureDueAtMs === lease.captureDueAtMs ? lease : { ...lease, captureDueAtMs };
}

/** A box without a keeper drains, and a draining box with one is warm again: the same box, the same epoch. */
export function settle(lease: Lease, nowMs: number, settings: LeaseSettings, reason: string): Lease {
  const kept = lease.holders.some((holder) => isKeeper(holder, nowMs));
  let settled = lease;
  if (lease.state === 'warm' && !kept) {
    const graceEndMs = nowMs + graceOf(lease, settings);
    const deadlineMs = Math.min(graceEndMs, lifetimeEndMs(lease, settings) ?? graceEndMs);
    settled = { ...lease, state: 'draining', deadlineMs, reason };
  } else if (lease.state === 'draining' && kept) {
    settled = {
      ...lease,
      state: 'warm',
      deadlineMs: lifetimeEndMs(lease, settings),
      drainFailures: 0,
      reason: 'kept again',
    };
  }
  return withCaptureDue(settled, nowMs, settings);
}

/** Drops holders whose time is over; what they changed stays counted. */
export function expireHolders(lease: Lease, nowMs: number, settings: LeaseSettings): Lease {
  const over = lease.holders.filter((holder) => holder.expiresAtMs <= nowMs);
  const kinds = [...new Set(over.map((holder) => holder.kind))].join(', ');
  let left: Lease =
    over.length === 0
      ? lease
      : { ...lease, holders: lease.holders.filter((holder) => !over.includes(holder)) };
  if (over.some((holder) => holder.dirty)) left = revised(left, nowMs);
  return settle(left, nowMs, settings, over.length === 0 ? 'no input from any viewer' : `${kinds} expired`);
}

/** Adds the holder, or renews it; another attempt of the same holder is replaced. */
export function attach(
  lease: Lease,
  holder: HolderKey & { readonly subject: string },
  nowMs: number,
  settings: LeaseSettings,
): Lease {
  const before = lease.holders.find((other) => sameHolder(other, holder));
  const added: Holder = {
    kind: holder.kind,
    id: holder.id,
    attempt: holder.attempt,
    subject: holder.subject,
    expiresAtMs: nowMs + settings.holders[holder.kind].ttlMs,
    inputUntilMs: before?.inputUntilMs ?? null,
    dirty: before?.dirty ?? false,
  };
  return { ...lease, holders: [...lease.holders.filter((other) => other !== before), added] };
}

export function heartbeat(
  lease: Lease,
  event: LeaseEvent<'heartbeat'>,
  nowMs: number,
  settings: LeaseSettings,
): LeaseTransition<LeaseOutcomes['heartbeat']> {
  const holder = lease.holders.find((other) => sameAttempt(other, event.holder));
  if (holder === undefined) return { lease, outcome: { kind: 'refused', epoch: lease.epoch }, condemned: [] };
  const alive: Holder = {
    ...holder,
    expiresAtMs: nowMs + settings.holders[holder.kind].ttlMs,
    inputUntilMs:
      event.input === true && holder.kind === 'viewer'
        ? nowMs + graceOf(lease, settings)
        : holder.inputUntilMs,
    dirty: holder.dirty || event.dirty === true,
  };
  let next: Lease = { ...lease, holders: lease.holders.map((other) => (other === holder ? alive : other)) };
  if (alive.dirty && !holder.dirty) next = revised(next, nowMs);
  next = expireHolders(next, nowMs, settings);
  const keeps = isKeeper(alive, nowMs);
  return {
    lease: next,
    outcome: { kind: 'kept', state: next.state, epoch: next.epoch, keeps },
    condemned: [],
  };
}

export function release(
  lease: Lease,
  event: LeaseEvent<'release'>,
  nowMs: number,
  settings: LeaseSettings,
): LeaseTransition<LeaseOutcomes['release']> {
  const holder = lease.holders.find((other) => sameAttempt(other, event.holder));
  if (holder === undefined) return { lease, outcome: { kind: 'done' }, condemned: [] };
  let next: Lease = { ...lease, holders: lease.holders.filter((other) => other !== holder) };
  if (holder.dirty || event.dirty === true) next = revised(next, nowMs);
  next = expireHolders(settle(next, nowMs, settings, `${holder.kind} let go`), nowMs, settings);
  return { lease: next, outcome: { kind: 'done' }, condemned: [] };
}
