import type { FsWatchEvent } from '@boxyard/contracts';
import { type BoxWatch, type FileChange, SandboxError } from '@boxyard/sandbox-core';

export interface WatchChangesOptions {
  readonly path: string;
  readonly recursive: boolean;
  readonly signal: AbortSignal;
}

/** What a reader that does not read may pile up before it is told to read everything anew. */
const MAX_PENDING = 4096;

const RESYNC: FsWatchEvent = { kind: 'resync', path: '', isDir: false };

/**
 * Changes in batches, each as large as the reader's pauses make it; several changes of one path in a batch are
 * one. A reader that falls too far behind gets `resync` instead of growing our memory. Ends with the signal, and
 * with a last `resync` when the box is stopped.
 */
export async function* watchChanges(
  watch: BoxWatch,
  options: WatchChangesOptions,
): AsyncGenerator<readonly FsWatchEvent[], void, void> {
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const pending = new Map<string, FsWatchEvent>();
  let wake: (() => void) | undefined;
  let done = false;
  let failure: { readonly error: unknown } | undefined;

  const collect = async () => {
    try {
      for await (const change of watch.watch(options.path, { signal, recursive: options.recursive })) {
        if (change.kind === 'resync' || pending.has('') || pending.size >= MAX_PENDING) {
          pending.clear();
          pending.set('', RESYNC);
        } else merge(pending, change);
        wake?.();
      }
    } catch (error) {
      // The box was stopped: what happens to its files from now on is seen by whoever opens it again.
      if (SandboxError.hasCode(error, 'closed')) {
        pending.clear();
        pending.set('', RESYNC);
      } else failure = { error };
    } finally {
      done = true;
      wake?.();
    }
  };

  const collecting = collect();
  try {
    while (true) {
      if (pending.size > 0) {
        const batch = [...pending.values()];
        pending.clear();
        yield batch;
      } else if (done) {
        if (failure !== undefined && !options.signal.aborted) throw failure.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    ended.abort();
    await collecting;
  }
}

/** Later news of a path replaces earlier news; what came and went again is still told as gone. */
function merge(pending: Map<string, FsWatchEvent>, change: FileChange): void {
  const before = pending.get(change.path);
  // A file that is new in this batch is new to the reader, however often it was written since.
  const kind = before?.kind === 'created' && change.kind === 'modified' ? 'created' : change.kind;
  pending.delete(change.path);
  pending.set(change.path, { kind, path: change.path, isDir: change.isDir });
}
