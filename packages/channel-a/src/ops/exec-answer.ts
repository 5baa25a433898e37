import type { Op, TerminalExecRequest, TerminalExecResponse } from '@boxyard/contracts';
import type { OpRecord, OpResult } from '@boxyard/sandbox-core';
import { SandboxError } from '@boxyard/sandbox-core';
import type { OutputCollector } from './output-collector.ts';

/** What is known of a command when its caller is answered; without a status it still runs. */
export interface KnownOp {
  readonly opId: string;
  readonly output: OutputCollector | null;
  readonly status: Pick<OpResult, 'exitCode' | 'timedOut'> | null;
  readonly wallTimeMs: number;
}

export function execAnswer(known: KnownOp, encoding: TerminalExecRequest['encoding']): TerminalExecResponse {
  const { opId, output, status, wallTimeMs } = known;
  return {
    opId,
    stdout: output?.text('stdout', encoding) ?? '',
    stderr: output?.text('stderr', encoding) ?? '',
    exitCode: status?.exitCode ?? null,
    running: status === null,
    timedOut: status?.timedOut ?? false,
    truncated: output?.truncated ?? false,
    wallTimeMs: Math.round(wallTimeMs * 10) / 10,
  };
}

/** Never an exit code where none is known. */
export function lostError(opId: string, reason: string): SandboxError {
  return new SandboxError(
    'outcome-unknown',
    `Command ${opId} is lost: ${reason} Look at what it may have done before you run it anew under another id.`,
    { stage: 'exec.wait', started: 'unknown' },
  );
}

export function describeOp(op: OpRecord): Op {
  const { result } = op;
  return {
    opId: op.id,
    state: op.state === 'ended' ? 'exited' : op.state,
    command: op.command,
    exitCode: result?.exitCode ?? null,
    signal: result?.signal ?? null,
    timedOut: result?.timedOut ?? false,
    lostReason: result?.lostReason ?? null,
    startedAt: op.startedAt.toISOString(),
    endedAt: result?.endedAt.toISOString() ?? null,
  };
}
