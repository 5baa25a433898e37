// Reading the spool as it grows. Only a reader makes anybody look: an op that nobody watches costs nothing.
import type { OutputCursor, OutputEvent } from '../box-process.ts';
import { SandboxError } from '../sandbox-error.ts';
import type { OpWatch } from './op-watch.ts';
import type { Spool, SpoolChannel } from './spool.ts';

const BLOCK_BYTES = 256 * 1024;
const FIRST_POLL_MS = 15;
const LONGEST_POLL_MS = 120;
/** How long after its command's end an output may still be held open before it counts as incomplete. */
export const DRAIN_MS = 250;

/**
 * Chunks from the cursor on, then one `end`. Output that was cut because the spool is full ends with `quota`;
 * that of a lost command with `gone`.
 */
export async function* readOutput(
  watch: OpWatch,
  spool: Spool,
  from: OutputCursor,
  signal: AbortSignal | undefined,
  step: <T>(run: () => Promise<T>) => Promise<T>,
): AsyncGenerator<OutputEvent, void, void> {
  const next = { stdout: checkOffset(from.stdout), stderr: checkOffset(from.stderr) };
  const channels: readonly SpoolChannel[] = ['stdout', 'stderr'];
  let pollMs = FIRST_POLL_MS;
  while (true) {
    // Asked before the reading: what was there at the end is then surely read.
    const ended = await step(() => hasEnded(watch));
    let moved = false;
    for (const channel of channels) {
      const bytes = await step(() => spool.read(watch.id, channel, next[channel], BLOCK_BYTES));
      if (bytes.length === 0) continue;
      moved = true;
      const offset = next[channel];
      next[channel] += bytes.length;
      yield { kind: 'chunk', channel, bytes, offset, next: { ...next } };
    }
    if (moved) {
      pollMs = FIRST_POLL_MS;
      continue;
    }
    if (ended !== null) {
      if (watch.cut) throw cutOutput(watch.id);
      yield { kind: 'end', complete: ended === 'closed', next: { ...next } };
      return;
    }
    await step(() => watch.pause(pollMs, signal));
    pollMs = Math.min(LONGEST_POLL_MS, pollMs * 1.5);
  }
}

/** Null while bytes may still come. */
async function hasEnded(watch: OpWatch): Promise<'closed' | 'held' | null> {
  if (watch.closed) return 'closed';
  if (!watch.noticed() || watch.exitCode !== null) await watch.refresh();
  if (watch.closed) return 'closed';
  if (watch.exitCode === null) watch.throwIfLost();
  return watch.exitCode !== null && performance.now() - watch.exitSeenAt >= DRAIN_MS ? 'held' : null;
}

/** The error of an output that was more than the spool may hold. */
export function cutOutput(id: string): SandboxError {
  return new SandboxError(
    'quota',
    `The output of the command ${id} was more than the spool of the box may hold, and the command was ended. Write it to a file instead.`,
    { started: 'yes' },
  );
}

function checkOffset(offset: number): number {
  if (Number.isSafeInteger(offset) && offset >= 0) return offset;
  throw new SandboxError('invalid', 'Reading output was refused: the cursor is no pair of byte offsets.', {
    started: 'no',
  });
}
