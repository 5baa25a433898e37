import type { OpStreamMessage } from '@boxyard/contracts';
import type { BoxProcess, OpRecord, OutputCursor } from '@boxyard/sandbox-core';
import { LONGEST_RUN_MS, lostReason } from './op-end.ts';
import { outputMessages, type PositionedMessage } from './op-messages.ts';

/**
 * Everything that a command printed from a position on, then exactly one end. A broken connection to the box is
 * an error: the reader comes back with its last position.
 */
export async function* streamOp(
  op: OpRecord,
  from: OutputCursor,
  signal: AbortSignal,
  attach: () => Promise<BoxProcess>,
): AsyncGenerator<PositionedMessage, void, void> {
  let position = from;
  try {
    if (op.state === 'lost') {
      yield { position, message: { lost: op.result?.lostReason ?? 'Nobody knows how it ended.' } };
      return;
    }
    const process = await attach();
    for await (const message of outputMessages(process.output({ from, signal }), from)) {
      position = message.position;
      yield message;
    }
    yield { position, message: await endOf(op, process, signal) };
  } catch (error) {
    if (signal.aborted) return;
    const reason = lostReason(error);
    if (reason === null) throw error;
    const known =
      op.result?.exitCode == null
        ? reason
        : `Its output is not kept any more; it ended with exit code ${op.result.exitCode}.`;
    yield { position, message: { lost: known } };
  }
}

async function endOf(op: OpRecord, process: BoxProcess, signal: AbortSignal): Promise<OpStreamMessage> {
  if (op.result?.exitCode != null) {
    const { exitCode, signal: name, timedOut } = op.result;
    return { exitCode, signal: name, timedOut };
  }
  const status = await process.exited({ signal, deadlineMs: LONGEST_RUN_MS });
  return { exitCode: status.exitCode, signal: status.signal, timedOut: status.endedBy === 'run-limit' };
}
