import { randomUUID } from 'node:crypto';
import type { OpChange } from '@boxyard/agent-proto/messages';
import { type BoxWatch, checkRelativePath, type FileChange, type WatchOptions } from '@boxyard/sandbox-core';
import type { MachineFilesOptions } from './machine-files.ts';
import { OpReader } from './op-reader.ts';

const GIVE_UP_MS = 60_000;

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
      await reader.listen();
      const begun = { case: 'watch', value: { path: folder, recursive: options.recursive ?? true } } as const;
      const value = { op: begun, originId: opId, attach: reader.attachMessage() };
      await calls.ask({ case: 'opStart', value } as const, { what, signal, requestId: opId });
      reader.begun();
      for await (const item of reader.news(signal)) {
        if (item.kind === 'ready') options.onReady?.();
        else if (item.kind === 'change') yield changeOf(item.change);
      }
    } catch (error) {
      if (options.signal.aborted) return;
      throw error;
    } finally {
      reader.stop();
      const op = { case: 'opCancel', value: { opId, forget: true } } as const;
      calls.ask(op, { what, signal: AbortSignal.timeout(GIVE_UP_MS) }).catch(() => undefined);
    }
  }
}

const KINDS = ['created', 'modified', 'deleted'] as const satisfies readonly FileChange['kind'][];

/** What is not known is told as lost: then everything is read anew. */
function changeOf({ kind, path, isDir }: OpChange): FileChange {
  const known = KINDS.find((one) => one === kind);
  return known === undefined ? { kind: 'resync', path: '', isDir: false } : { kind: known, path, isDir };
}
