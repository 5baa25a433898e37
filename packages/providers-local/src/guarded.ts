// What stands before each use of a handle: whether it was closed, and whether a newer one has replaced it.
import {
  type BoxArchives,
  type BoxFiles,
  type BoxTerminals,
  type BoxWatch,
  type EpochFence,
  SandboxError,
} from '@boxyard/sandbox-core';

export class Guard {
  readonly #fence: EpochFence;
  #closed = false;

  constructor(fence: EpochFence) {
    this.#fence = fence;
  }

  close(): void {
    this.#closed = true;
  }

  /** @throws SandboxError `closed`. */
  use(): void {
    if (!this.#closed) return;
    throw new SandboxError('closed', 'The handle of the box is closed; open the box again.', {
      started: 'no',
    });
  }

  /** @throws SandboxError `closed`, or `fenced` for a handle that a newer one has replaced. */
  async change(what: string): Promise<void> {
    this.use();
    await this.#fence.check(what);
  }
}

/** The same files; every call is refused as the guard says. */
export function guardFiles(files: BoxFiles, guard: Guard): BoxFiles {
  const look =
    <Args extends unknown[], Answer>(call: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      guard.use();
      return call(...args);
    };
  const change =
    <Args extends unknown[], Answer>(what: string, call: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      await guard.change(what);
      return call(...args);
    };
  return {
    read: look((...args: Parameters<BoxFiles['read']>) => files.read(...args)),
    open: look((...args: Parameters<BoxFiles['open']>) => files.open(...args)),
    version: look((...args: Parameters<BoxFiles['version']>) => files.version(...args)),
    stat: look((...args: Parameters<BoxFiles['stat']>) => files.stat(...args)),
    list: look((...args: Parameters<BoxFiles['list']>) => files.list(...args)),
    write: change('Writing a file', (...args: Parameters<BoxFiles['write']>) => files.write(...args)),
    move: change('Moving a file', (...args: Parameters<BoxFiles['move']>) => files.move(...args)),
    remove: change('Removing a file', (...args: Parameters<BoxFiles['remove']>) => files.remove(...args)),
    mkdir: change('Making a folder', (...args: Parameters<BoxFiles['mkdir']>) => files.mkdir(...args)),
  };
}

export function guardArchives(archives: BoxArchives, guard: Guard): BoxArchives {
  return {
    pack: async (options) => {
      guard.use();
      return archives.pack(options);
    },
    unpack: async (archive, options) => {
      await guard.change('Unpacking an archive');
      return archives.unpack(archive, options);
    },
  };
}

export function guardTerminals(terminals: BoxTerminals, guard: Guard): BoxTerminals {
  return {
    open: async (request, options) => {
      await guard.change('Opening a terminal');
      return terminals.open(request, options);
    },
  };
}

export function guardWatch(watch: BoxWatch, guard: Guard): BoxWatch {
  return {
    watch: (path, options) => {
      guard.use();
      return watch.watch(path, options);
    },
  };
}
