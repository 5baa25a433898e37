// What becomes of a machine that asks to be let in, as pure steps: the store commits them.
import { type DeviceGrant, type DeviceGrantChange, SandboxError } from '@boxyard/sandbox-core';

/** How long a person has to type the code. */
export const DEVICE_GRANT_TTL_MS = 10 * 60_000;
/** How long a machine waits between two polls, at first. */
export const POLL_INTERVAL_MS = 5_000;
/** As RFC 8628 wants it: who polls faster waits five seconds more from then on. */
const SLOW_DOWN_MS = 5_000;
const MAX_INTERVAL_MS = 60_000;
/** Networks are not even: a poll may overtake its interval by this much. */
const EARLY_MS = 1_000;
/** Credentials are given once; a machine whose answer was lost may ask again for so long. */
export const DELIVERY_GRACE_MS = 30_000;

export interface PollStep {
  readonly state: 'pending' | 'slow_down' | 'denied' | 'expired' | 'authorized';
  /** To be stored before the answer goes out; null when nothing changes. */
  readonly change: DeviceGrantChange | null;
  /** Its credentials were given out long ago: somebody else may have the code. */
  readonly replayed: boolean;
}

/** The machine asks whether somebody has decided. */
export function pollGrant(grant: DeviceGrant, nowMs: number): PollStep {
  const step = (state: PollStep['state'], change: DeviceGrantChange | null = null, replayed = false) => ({
    state,
    change,
    replayed,
  });
  if (grant.decision === 'denied') return step('denied');
  if (grant.decision === 'approved') {
    if (grant.deliveredAtMs === null) {
      // It was approved in time; the last poll comes an interval later.
      const inTime = nowMs < grant.expiresAtMs + MAX_INTERVAL_MS;
      return inTime ? step('authorized', { deliveredAtMs: nowMs }) : step('expired');
    }
    return nowMs < grant.deliveredAtMs + DELIVERY_GRACE_MS ? step('authorized') : step('expired', null, true);
  }
  if (nowMs >= grant.expiresAtMs) return step('expired');
  const tooEarly = grant.polledAtMs !== null && nowMs < grant.polledAtMs + grant.intervalMs - EARLY_MS;
  if (!tooEarly) return step('pending', { polledAtMs: nowMs });
  const intervalMs = Math.min(MAX_INTERVAL_MS, grant.intervalMs + SLOW_DOWN_MS);
  return step('slow_down', { polledAtMs: nowMs, intervalMs });
}

/**
 * @throws SandboxError `not-found` for a code that has run out or is of another workspace, `conflict` when it was
 * decided already.
 */
export function assertDecidable(grant: DeviceGrant, workspaceId: string, nowMs: number): void {
  if (grant.workspaceId !== workspaceId) throw noSuchCode();
  if (grant.decision !== 'pending') {
    throw new SandboxError(
      'conflict',
      `This machine was ${grant.decision} already. Start its enrollment again to decide anew.`,
      { stage: 'enrollment.decide', started: 'no' },
    );
  }
  if (nowMs >= grant.expiresAtMs) throw noSuchCode();
}

export const noSuchCode = (): SandboxError =>
  new SandboxError(
    'not-found',
    'No machine waits with this code: it is misspelt or has run out. Look at the machine, or start its enrollment again.',
    { stage: 'enrollment.find', started: 'no' },
  );
