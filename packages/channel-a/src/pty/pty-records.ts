import type { SessionEventDraft } from '@boxyard/contracts';
import type { EventLog, PtyRecord, PtyRegistry } from '@boxyard/sandbox-core';
import type { PtyEnd } from './live-pty.ts';

/** Where a host records which terminals it has, and how each began and ended. */
export interface PtyRecords {
  started(pty: Omit<PtyRecord, 'hostId'>): Promise<void>;
  resized(ptyId: string, cols: number, rows: number): Promise<void>;
  /** `last` is what is stored before the end. */
  ended(pty: EndedPty, end: PtyEnd, last: readonly SessionEventDraft[]): Promise<void>;
}

export type EndedPty = Pick<PtyRecord, 'id' | 'sessionId' | 'groupId' | 'leaseEpoch'>;

/** For a process whose terminals no other one looks for: only the session's log knows of them. */
export function loggedPtys(events: EventLog): PtyRecords {
  const append = ({ sessionId, leaseEpoch }: EndedPty, drafts: readonly SessionEventDraft[]) =>
    events.append({ sessionId }, drafts, { leaseEpoch, mutates: false });
  return {
    started: async (pty) => void (await append(pty, [startedEvent(pty)])),
    resized: async () => undefined,
    ended: async (pty, end, last) => void (await append(pty, [...last, exitedEvent(pty.id, end)])),
  };
}

/** For several processes on one record. An end that another process has recorded stays as it is. */
export function registeredPtys(registry: PtyRegistry, hostId: string): PtyRecords {
  return {
    started: (pty) => registry.add({ ...pty, hostId }, [startedEvent(pty)]),
    resized: (ptyId, cols, rows) => registry.resized(ptyId, cols, rows),
    ended: async (pty, end, last) => void (await registry.end(pty, end, [...last, exitedEvent(pty.id, end)])),
  };
}

export function exitedEvent(ptyId: string, { exitCode, reason }: PtyEnd): SessionEventDraft {
  return { type: 'terminal.pty.exited', data: { ptyId, exitCode, reason } };
}

function startedEvent({ id, cols, rows }: Omit<PtyRecord, 'hostId'>): SessionEventDraft {
  return { type: 'terminal.pty.started', data: { ptyId: id, cols, rows } };
}
