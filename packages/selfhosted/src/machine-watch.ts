import { randomUUID } from 'node:crypto';
import type { OpChange } from '@boxyard/agent-proto/messages';
import { type BoxWatch, checkRelativePath, type FileChange, type WatchOptions } from '@boxyard/sandbox-core';
import { OpReader } from './op-reader.ts';
import type { MachineFilesOptions } from './rooted-files.ts';

/** Changes on a machine, told by it. Which folders a watcher does not want to enter stays on this side. */
export class MachineWatch implements BoxWatch {
  readonly #options: Pick<MachineFilesOptions, 'calls' | 'frames' | 'handle'>;

  constructor(options: Pick<MachineFilesOptions, 'calls' | 'frames' | 'handle'>) {
    this.#options = options;
  }

  async *watch(path: string, options: WatchOptions): AsyncGenerator<FileChange, void, void> {
    const { calls, frames, handle } = this.#options;
    handle.ensureOpen();
    const what = `Watching ${JSON.stringify(path)}`;
    const folder = checkRelativePath(path);
    const signal = AbortSignal.any([options.signal, handle.closed]);
    if (options.signal.aborted) return;
    const opId = randomUUID();
    const reader = new OpReader({ calls, frames, opId, what, ownStream: true });
    try {
      const value = { path: folder, recursive: options.recursive ?? true };
      await reader.start({ case: 'watch', value }, { signal });
      for await (const item of reader.news(signal)) {
        if (item.kind === 'ready') options.onReady?.();
        else if (item.kind === 'change') yield changeOf(item.change);
      }
    } catch (error) {
      if (options.signal.aborted) return;
      throw error;
    } finally {
      reader.stop();
      calls.giveUp(opId, what);
    }
  }
}

const KINDS = ['created', 'modified', 'deleted'] as const satisfies readonly FileChange['kind'][];

/** What is not known is told as lost: then everything is read anew. */
function changeOf({ kind, path, isDir }: OpChange): FileChange {
  const known = KINDS.find((one) => one === kind);
  return known === undefined ? { kind: 'resync', path: '', isDir: false } : { kind: known, path, isDir };
}
