import type { OpRecord, Redactor, ToldOutput } from '@boxyard/sandbox-core';
import { OutputEvents } from '../output-events.ts';
import type { OpHostOptions } from './op-host.ts';
import type { OutputChannel } from './output-collector.ts';

/**
 * Tells a session's log what a command prints.
 *
 * @param told what a former process has told: all of the output is to be pushed, and what comes after it is told.
 */
export function commandOutputEvents(
  op: OpRecord,
  redactor: Redactor,
  { events, maxEventBytes }: Pick<OpHostOptions, 'events' | 'maxEventBytes'>,
  told?: ToldOutput,
): OutputEvents<OutputChannel> {
  const { id: opId, sessionId, leaseEpoch } = op;
  return new OutputEvents<OutputChannel>({
    redactor,
    delta: (stream, chunk, seq) => ({
      type: 'sandbox.command.output.delta',
      data: { stream, chunk, opId, seq },
    }),
    elided: (afterBytes) => ({ type: 'output.elided', data: { opId, afterBytes } }),
    told: told && { bytes: { stdout: told.stdoutBytes, stderr: told.stderrBytes }, nextSeq: told.nextSeq },
    maxBytes: maxEventBytes,
    append: (drafts) => events.append({ sessionId }, drafts, { leaseEpoch, mutates: false }),
  });
}
