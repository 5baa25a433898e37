// A command with its whole output in one reply: for agents that serve no ops. It needs a limit, because nobody could
// end it, and what it prints has to fit into one message of the bus.
import type { CallOptions, ExecRequest, ExecResult } from '@boxyard/sandbox-core';
import type { CommandMessage } from './command-message.ts';
import type { MachineCalls } from './machine-calls.ts';

/** What a bus waits for a reply at the most, with some time for the command to be ended. */
const LONGEST_RUN_MS = 580_000;

export async function runWithOneReply(
  calls: MachineCalls,
  request: ExecRequest,
  command: CommandMessage,
  mostBytes: number,
  { signal, deadlineMs, fence }: CallOptions & { readonly signal: AbortSignal; readonly deadlineMs: number },
): Promise<ExecResult> {
  const timeoutMs = Math.ceil(Math.min(request.runLimitMs ?? deadlineMs, deadlineMs, LONGEST_RUN_MS));
  const { stdin, output } = request;
  const asMerged =
    output === 'merged'
      ? { command: ['/bin/sh', '-c', 'exec "$@" 2>&1', 'sh', ...(command.command ?? [])] }
      : {};
  const op = {
    case: 'exec',
    value: { ...command, ...asMerged, timeoutMs, ...(stdin === undefined ? {} : { stdin }) },
  } as const;
  const result = await calls.ask(op, {
    what: 'Running a command',
    signal,
    changes: true,
    fence,
    extraMs: timeoutMs,
  });
  const { exitCode, timedOut } = result;
  return {
    exitCode,
    // -1 says that some signal ended it, and not which.
    signal: null,
    endedBy: timedOut ? 'run-limit' : exitCode === -1 ? 'unknown' : 'itself',
    stdout: new Uint8Array(result.stdout.subarray(0, mostBytes)),
    stderr: new Uint8Array(result.stderr.subarray(0, mostBytes)),
    truncated: Math.max(result.stdout.length, result.stderr.length) > mostBytes,
    outputComplete: true,
    durationMs: Number(result.durationMs),
  };
}
