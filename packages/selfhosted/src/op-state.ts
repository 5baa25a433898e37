import { OpState, type OpStatus } from '@boxyard/agent-proto/messages';
import { SandboxError } from '@boxyard/sandbox-core';

/** @throws SandboxError `not-found` for an op that the machine does not know, `outcome-unknown` for a lost one. */
export function assertKnown({ state, opId }: OpStatus, what: string): void {
  if (state === OpState.UNSPECIFIED) {
    throw new SandboxError('not-found', `${what}: the machine knows nothing of ${opId}. Start it again.`, {
      started: 'no',
    });
  }
  if (state === OpState.LOST) {
    throw new SandboxError(
      'outcome-unknown',
      `${what}: the machine has lost ${opId}. Look at the result before you repeat it.`,
    );
  }
}
