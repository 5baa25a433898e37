import { acquire, claimBeat, commit, created, disown, fail, orphaned, replace } from './claiming.ts';
import {
  captured,
  captureFailed,
  deleteGroup,
  discarded,
  due,
  pause,
  terminateBeat,
  terminated,
} from './ending.ts';
import { heartbeat, release } from './holding.ts';
import type { Lease } from './lease.ts';
import type { LeaseEvent, LeaseEventType, LeaseOutcomes, LeaseTransition } from './lease-event.ts';
import type { LeaseSettings } from './lease-settings.ts';

type TransitionTable = {
  readonly [Type in LeaseEventType]: (
    lease: Lease,
    event: LeaseEvent<Type>,
    nowMs: number,
    settings: LeaseSettings,
  ) => LeaseTransition<LeaseOutcomes[Type]>;
};

const TRANSITIONS: TransitionTable = {
  acquire,
  heartbeat,
  release,
  claimBeat,
  created,
  commit,
  fail,
  disown,
  orphaned,
  replace,
  pause,
  due,
  terminateBeat,
  terminated,
  captureFailed,
  captured,
  delete: deleteGroup,
  discarded,
};

/**
 * The whole law of leases: what an event does to the row, what its sender has to do next, and which boxes no
 * lease names any more. Pure and total: an event that comes late or from a stale claim is refused by value.
 * `nowMs` is the store's time. The row that it is given has to be locked until the answer is stored.
 */
export function transitionLease<Type extends LeaseEventType>(
  lease: Lease,
  event: { readonly type: Type } & LeaseEvent<Type>,
  nowMs: number,
  settings: LeaseSettings,
): LeaseTransition<LeaseOutcomes[Type]> {
  return TRANSITIONS[event.type](lease, event, nowMs, settings);
}
