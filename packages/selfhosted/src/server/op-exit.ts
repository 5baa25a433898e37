import { type OpExit, OpExitSchema } from '@boxyard/agent-proto/messages';
import { create } from '@bufbuild/protobuf';
import type { OpEnd } from './served-op.ts';

/** The end of an op for the wire: an end by a signal is -1 there, and what the box said stands beside it. */
export function exitMessage(end: OpEnd): OpExit {
  return create(OpExitSchema, {
    exitCode: end.signal === null ? end.exitCode : -1,
    boxExitCode: end.exitCode,
    signal: end.signal ?? '',
    endedBy: end.endedBy,
    timedOut: end.endedBy === 'run-limit',
    cancelled: end.endedBy === 'kill',
    durationMs: BigInt(Math.round(end.durationMs)),
    outputIncomplete: !end.outputComplete,
    ...(end.error === undefined ? {} : { error: end.error }),
  });
}
