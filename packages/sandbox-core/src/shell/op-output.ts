// Reading the spool as it grows. Only a reader makes anybody look: an op that nobody watches costs nothing.
import type { OutputCursor, OutputEvent } from '../box-process.ts';
import { SandboxError } from '../sandbox-error.ts';
import type { OpWatch } from './op-watch.ts';
import type { OutputWish, Spool, SpoolChannel } from './spool.ts';

/** What is read at once; a look at the spool costs the same for little and for much. */
const BLOCK_BYTES = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
const FIRST_POLL_MS = 15;
const LONGEST_POLL_MS = 120;
/**
 * How long after its command's end an output may still be held open before it counts as incomplete. What brings it into
 * the spool has to get the processor once in this time, also where hundreds of commands run on a small machine.
 */
export const DRAIN_MS = 1000;
const CHANNELS: readonly SpoolChannel[] = ['stdout', 'stderr'];

/**
 * Chunks from the cursor on, then one `end`. Output that was cut because the spool is full ends with `quota`;
 * that of a lost command with `gone`.
 */
export async function* readOutput(
  watch: OpWatch,
  spool: Spool,
  {
    from,
    signal,
    lent,
  }: { readonly from: OutputCursor; readonly signal: AbortSignal | undefined; readonly lent: boolean },
  step: <T>(run: () => Promise<T>) => Promise<T>,
): AsyncGenerator<OutputEvent, void, void> {
  const next = { stdout: checkOffset(from.stdout), stderr: checkOffset(from.stderr) };
  const most = Math.min(BLOCK_BYTES, spool.blockBytes);
  const into: OutputWish['into'] = lent ? {} : undefined;
  let pollMs = FIRST_POLL_MS;
  let awaitedClose = false;
  while (true) {
    const before = watch.changes;
    // Asked before the reading: what was there at the end is then surely read.
    const ended = await step(() => hasEnded(watch));
    if (ended === null && watch.exitCode !== null && !awaitedClose) {
      // What it printed last is on its way, and with it the close: one look for both.
      awaitedClose = true;
      await step(() => watch.pauseSince(before, FIRST_POLL_MS, signal));
      continue;
    }
    const read = await step(() =>
      spool.read(watch.id, { from: { ...next }, most: { stdout: most, stderr: most }, into }),
    );
    for (const channel of CHANNELS) {
      const bytes = read[channel];
      if (bytes.length === 0) continue;
      pollMs = FIRST_POLL_MS;
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
        const chunk = bytes.subarray(at, at + CHUNK_BYTES);
        const offset = next[channel];
        next[channel] += chunk.length;
        yield { kind: 'chunk', channel, bytes: chunk, offset, next: { ...next } };
      }
    }
    // There may be more already.
    if (CHANNELS.some((channel) => read[channel].length === most)) continue;
    if (ended !== null) {
      if (watch.cut) throw cutOutput(watch.id);
      yield { kind: 'end', complete: ended === 'closed', next: { ...next } };
      return;
    }
    await step(() => watch.pauseSince(before, pollMs, signal));
    pollMs = Math.min(LONGEST_POLL_MS, pollMs * 1.5);
  }
}

/** Null while bytes may still come. */
async function hasEnded(watch: OpWatch): Promise<'closed' | 'held' | null> {
  if (watch.closed) return 'closed';
  const drained = () => watch.exitCode !== null && performance.now() - watch.exitSeenAt >= DRAIN_MS;
  if (!watch.noticed() || drained()) await watch.refresh();
  if (watch.closed) return 'closed';
  if (watch.exitCode === null) watch.throwIfLost();
  return drained() ? 'held' : null;
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
