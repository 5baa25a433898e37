// Whether everything of a stream has arrived as it was sent.
import type { OpExit } from '@boxyard/agent-proto/messages';
import { type OutputCursor, SandboxError } from '@boxyard/sandbox-core';
import type { ChannelCounts } from './channel-counts.ts';
import { sandboxErrorOf } from './machine-failure.ts';

/**
 * Compares what an op says at its end with what has been read of it.
 *
 * @param begin Where the reading began.
 * @throws SandboxError what made the op fail, or that something is missing or damaged.
 */
export function assertWhole(exit: OpExit, what: string, begin: OutputCursor, counts: ChannelCounts): void {
  if (exit.error !== undefined) throw sandboxErrorOf(exit.error, what, false);
  if (exit.failureCode !== '') {
    throw new SandboxError(
      'quota',
      `${what}: the machine could not keep the output (${exit.failureCode}). Print less, or free its disk.`,
      { started: 'yes' },
    );
  }
  const { digests, totals } = counts.result();
  const counted = [
    ['stdout', exit.stdoutFrom, BigInt(begin.stdout)],
    ['stderr', exit.stderrFrom, BigInt(begin.stderr)],
    ['content', 0n, 0n],
    ['result', 0n, 0n],
  ] as const;
  for (const [name, from, mine] of counted) {
    const total = exit.totals[name];
    if (total !== undefined && from + total !== mine + (totals[name] ?? 0n)) {
      throw damaged(what, `${name} is not complete`);
    }
  }
  // After an agent was started again its digest begins where the stream went on.
  if (Number(exit.stdoutFrom) !== begin.stdout || Number(exit.stderrFrom) !== begin.stderr) return;
  for (const [name, digest] of Object.entries(exit.digests)) {
    if (digest !== digests[name]) throw damaged(what, `the digest of ${name} differs`);
  }
}

const damaged = (what: string, how: string) =>
  new SandboxError('unreachable', `${what}: what arrived is damaged, ${how}. Read it again.`, {
    retryable: true,
  });
