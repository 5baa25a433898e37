import type { SessionEventDraft } from '@boxyard/contracts';
import type { LeaseNotice } from '@boxyard/leases';
import type { EventLog, SessionStore } from '@boxyard/sandbox-core';
import { failureOf } from '@boxyard/sessions';
import type { Logger } from './logger.ts';

export interface LeaseEventsOptions {
  readonly sessions: SessionStore;
  readonly events: EventLog;
  readonly log: Logger;
}

/** Tells the sessions of a box what happened to it. What cannot be told is logged; the box is not held up. */
export function tellLeaseEvents({
  sessions,
  events,
  log,
}: LeaseEventsOptions): (notice: LeaseNotice) => void {
  const append = (groupId: string, leaseEpoch: number, draft: SessionEventDraft) =>
    events.append({ groupId }, [draft], { leaseEpoch, mutates: false });

  const spawned = async ({ groupId, workspaceId, epoch, receipt }: LeaseNotice & { type: 'spawned' }) => {
    if (receipt !== null) {
      await sessions.recordRestore(groupId, receipt);
      await append(groupId, epoch, { type: 'sandbox.restored', data: { receipt } });
      return;
    }
    const group = await sessions.getGroup(workspaceId, groupId);
    if (group) await append(groupId, epoch, { type: 'sandbox.started', data: { backend: group.backend } });
  };

  const tell = async (notice: LeaseNotice): Promise<unknown> => {
    switch (notice.type) {
      case 'spawned':
        return spawned(notice);
      case 'stopped':
        return append(notice.groupId, notice.epoch, {
          type: 'sandbox.paused',
          data: { reason: notice.reason ?? 'nothing kept it', cause: notice.cause },
        });
      case 'spawn-failed': {
        const data = { ...failureOf(notice.error) };
        return append(notice.groupId, notice.epoch, { type: 'sandbox.failed', data });
      }
      case 'trouble':
      case 'capture-failed':
      case 'destroy-failed':
        return log.warn(notice, 'a box could not be looked after; it is tried again');
      default:
        return log.debug(notice, 'lease');
    }
  };

  return (notice) =>
    void tell(notice).catch((error: unknown) =>
      log.warn({ type: notice.type, groupId: notice.groupId, error }, 'a box event could not be recorded'),
    );
}
