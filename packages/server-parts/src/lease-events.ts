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

const LOST =
  'The box does not exist any more, and what ran in it has ended. Another one is made; sandbox.restored tells what it has of the files.';

/** Tells the sessions of a box what happened to it. What cannot be told is logged; the box is not held up. */
export function tellLeaseEvents({
  sessions,
  events,
  log,
}: LeaseEventsOptions): (notice: LeaseNotice) => void {
  const append = (groupId: string, leaseEpoch: number, draft: SessionEventDraft) =>
    events.append({ groupId }, [draft], { leaseEpoch, mutates: false });

  const spawned = async ({
    groupId,
    workspaceId,
    epoch,
    origin,
    receipt,
  }: LeaseNotice & { type: 'spawned' }) => {
    const group = await sessions.getGroup(workspaceId, groupId);
    if (group) await append(groupId, epoch, { type: `sandbox.${origin}`, data: { backend: group.backend } });
    if (receipt === null) return;
    await sessions.recordRestore(groupId, receipt);
    await append(groupId, epoch, { type: 'sandbox.restored', data: { receipt } });
  };

  const tell = async (notice: LeaseNotice): Promise<unknown> => {
    switch (notice.type) {
      case 'spawned':
        return spawned(notice);
      case 'lost':
        return append(notice.groupId, notice.epoch, { type: 'sandbox.lost', data: { detail: LOST } });
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
