import type { SessionEventDraft } from '@boxyard/contracts';
import type { ExitStatus, OpRecord, OpResult } from '@boxyard/sandbox-core';
import { SandboxError } from '@boxyard/sandbox-core';

/** A start takes this long at most. */
export const START_DEADLINE_MS = 60_000;
/** Longer than any command may run: what is waited for with it has its own limit in the box. */
export const LONGEST_RUN_MS = 25 * 60 * 60 * 1000;

/** How a command's end is known: by its status, or not at all any more. */
export type OpEnd =
  | { readonly state: 'ended'; readonly status: ExitStatus }
  | { readonly state: 'lost'; readonly reason: string };

export function resultOf(end: OpEnd, wallTimeMs: number): OpResult {
  const endedAt = new Date();
  if (end.state === 'lost') {
    return { exitCode: null, signal: null, timedOut: false, endedAt, wallTimeMs, lostReason: end.reason };
  }
  const { exitCode, signal, endedBy } = end.status;
  return { exitCode, signal, timedOut: endedBy === 'run-limit', endedAt, wallTimeMs, lostReason: null };
}

export function startedEvent(op: OpRecord, cwd: string): SessionEventDraft {
  const { id: opId, command, background } = op;
  return { type: 'sandbox.command.started', data: { opId, command, cwd, background } };
}

export function exitedEvent(op: OpRecord, result: OpResult): SessionEventDraft {
  const { exitCode, signal, timedOut, lostReason } = result;
  return {
    type: 'sandbox.command.exited',
    data: { opId: op.id, exitCode, signal, timedOut, lost: lostReason },
  };
}

/** Why a command's end cannot be known any more; null for an error that proves nothing. */
export function lostReason(error: unknown): string | null {
  if (SandboxError.hasCode(error, 'gone')) return 'Its box is gone.';
  if (SandboxError.hasCode(error, 'fenced')) return 'Its box was replaced or stopped.';
  if (SandboxError.hasCode(error, 'not-found')) return 'Its box has no record of it any more.';
  if (SandboxError.hasCode(error, 'unsupported')) return 'Its box cannot find a command again.';
  return null;
}
