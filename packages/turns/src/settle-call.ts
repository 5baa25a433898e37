// A tool call that a former attempt left open. What may have been done is found again or said to be unknown: it is
// never done a second time.
import type { AgentsSession } from '@boxyard/agents-bridge';
import { SandboxError } from '@boxyard/sandbox-core';
import type { OpenCall } from './journal-items.ts';

/** What the model is told of it. */
export async function settleCall(
  session: AgentsSession,
  { opId, tool }: OpenCall,
  waitMs: number,
): Promise<string> {
  if (opId === null) {
    return 'Not started: the run ended before it began this call. Nothing has changed; call it again if it is still needed.';
  }
  if (tool !== 'exec_command') return unknown(`the worker that ran ${tool} was ended in the middle of it`);
  try {
    return await session.resumeCommand(opId, { yieldTimeMs: waitMs });
  } catch (error) {
    if (SandboxError.hasCode(error, 'not-found') || SandboxError.hasCode(error, 'gone')) {
      return unknown('the worker that ran this command was ended, and the box has no record of it');
    }
    // Nothing is known yet: whoever takes the turn up next asks again.
    throw error;
  }
}

const unknown = (why: string) =>
  `Outcome unknown: ${why}. It may have taken effect in part, in full or not at all. Look at what is there before you repeat it.`;
