import { type BoxWatch, checkRelativePath, type FileChange, type WatchOptions } from '@boxyard/sandbox-core';
import { JailedFolder, sandboxErrorFromFs } from '@boxyard/sandbox-core/jailed-folder';
import { type WatchLimits, WatchSession } from './watch-session.ts';

export interface FolderWatchOptions {
  /** Absolute path of the workspace folder. */
  readonly root: string;
  /** System events at once, beyond which all is read anew and `resync` is told. 8192 when absent. */
  readonly maxBurst?: number | undefined;
  /** Changes kept for a reader that is slow, beyond which they become one `resync`. 10 000 when absent. */
  readonly maxWaiting?: number | undefined;
}

/**
 * Changes in a folder on this machine, gathered over some 50 ms. A name that was replaced is `modified`, one that
 * moved is `deleted` and `created`. A folder that comes or goes brings a change for each thing in it. Ends
 * without an error when the signal aborts; fails with `not-found` when the watched folder is removed, and with
 * `quota` when the system allows no more watches. `recursive` is true when absent.
 */
export class FolderWatch implements BoxWatch {
  readonly #jail: JailedFolder;
  readonly #limits: WatchLimits;

  constructor(options: FolderWatchOptions) {
    this.#limits = { maxBurst: options.maxBurst ?? 8192, maxWaiting: options.maxWaiting ?? 10_000 };
    this.#jail = new JailedFolder(options);
  }

  async *watch(path: string, options: WatchOptions): AsyncGenerator<FileChange, void, void> {
    const at = checkRelativePath(path);
    const enters = options.recursive === false ? () => false : (options.enters ?? (() => true));
    const session = new WatchSession(this.#jail, at, enters, this.#limits);
    const stop = () => session.close();
    options.signal.addEventListener('abort', stop, { once: true });
    if (options.signal.aborted) session.close();
    try {
      await session.start();
      if (!options.signal.aborted) options.onReady?.();
      for (let changes = await session.next(); changes !== null; changes = await session.next()) {
        for (const change of changes) {
          if (options.signal.aborted) return;
          yield change;
        }
      }
    } catch (error) {
      throw sandboxErrorFromFs(error, `Watching ${JSON.stringify(at)}`);
    } finally {
      options.signal.removeEventListener('abort', stop);
      session.close();
    }
  }
}
