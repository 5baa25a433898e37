import type { Liveness } from '@boxyard/contracts';
import {
  type Artifact,
  type BoxRef,
  type CallOptions,
  type CondemnedBox,
  type Holder,
  isDirty,
  type LeaseState,
} from '@boxyard/sandbox-core';
import type { LeaseContext } from './lease-context.ts';

export interface LeaseReport {
  readonly groupId: string;
  /** As clients see it. */
  readonly liveness: Liveness;
  readonly state: LeaseState;
  readonly epoch: number;
  readonly box: BoxRef | null;
  /** Stored holders; one whose `expiresAtMs` has passed is alive no more. */
  readonly holders: readonly Holder[];
  readonly deadlineMs: number | null;
  /** Why it is in its state. */
  readonly reason: string | null;
  readonly dirty: boolean;
  readonly condemned: readonly CondemnedBox[];
  /** What it can be restored from, the newest first. */
  readonly artifacts: readonly Artifact[];
}

/** What clients see of a state; the two that are internal show as what they feel like. */
export function livenessOf(state: LeaseState): Liveness {
  if (state === 'replacing') return 'warming';
  return state === 'terminating' ? 'draining' : state;
}

export async function inspectGroup(
  context: LeaseContext,
  groupId: string,
  options: CallOptions,
): Promise<LeaseReport | null> {
  const lease = await context.store.read(groupId, options);
  if (lease === null || lease.deletedAtMs !== null) return null;
  const [condemned, artifacts] = await Promise.all([
    context.store.listCondemned([groupId], options),
    context.ledger.restorable(groupId, options),
  ]);
  const { state, epoch, box, holders, deadlineMs, reason } = lease;
  return {
    groupId,
    liveness: livenessOf(state),
    state,
    epoch,
    box,
    holders,
    deadlineMs,
    reason,
    dirty: isDirty(lease),
    condemned,
    artifacts,
  };
}
