// What stands before each use of a handle: whether it was closed, and whether a newer one has replaced it.
import {
  type AppendableFiles,
  type BoxArchives,
  type BoxFiles,
  type BoxTerminals,
  type BoxWatch,
  type CallOptions,
  type EpochFence,
  SandboxError,
} from '@boxyard/sandbox-core';

export class Guard {
  readonly #fence: EpochFence;
  readonly #closed = new AbortController();

  constructor(fence: EpochFence) {
    this.#fence = fence;
  }

  close(): void {
    this.#closed.abort();
  }

  /** Aborts when the handle is closed: what it is doing then ends. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** @throws SandboxError `closed`. */
  use(): void {
    if (!this.#closed.signal.aborted) return;
    throw new SandboxError('closed', 'The handle of the box is closed; open the box again.', {
      started: 'no',
    });
  }

  /** @throws SandboxError `closed`, or `fenced`: a newer handle, or its session works elsewhere. */
  async change(what: string, options: CallOptions | undefined): Promise<void> {
    this.use();
    await this.#fence.check(what, options?.fence);
  }
}

/** The same files; every call is refused as the guard says. */
export function guardFiles(files: AppendableFiles, guard: Guard): AppendableFiles {
  const look =
    <Args extends unknown[], Answer>(call: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      guard.use();
      return call(...args);
    };
  return {
    read: look((...args: Parameters<BoxFiles['read']>) => files.read(...args)),
    open: look((...args: Parameters<BoxFiles['open']>) => files.open(...args)),
    version: look((...args: Parameters<BoxFiles['version']>) => files.version(...args)),
    stat: look((...args: Parameters<BoxFiles['stat']>) => files.stat(...args)),
    list: look((...args: Parameters<BoxFiles['list']>) => files.list(...args)),
    write: async (path, content, options) => {
      await guard.change('Writing a file', options);
      return files.write(path, content, options);
    },
    append: async (path, content, options) => {
      await guard.change('Adding to a file', options);
      return files.append(path, content, options);
    },
    move: async (from, to, options) => {
      await guard.change('Moving a file', options);
      return files.move(from, to, options);
    },
    remove: async (path, options) => {
      await guard.change('Removing a file', options);
      return files.remove(path, options);
    },
    mkdir: async (path, options) => {
      await guard.change('Making a folder', options);
      return files.mkdir(path, options);
    },
  };
}

export function guardArchives(archives: BoxArchives, guard: Guard): BoxArchives {
  return {
    pack: async (options) => {
      guard.use();
      return archives.pack(options);
    },
    unpack: async (archive, options) => {
      await guard.change('Unpacking an archive', options);
      return archives.unpack(archive, options);
    },
  };
}

export function guardTerminals(terminals: BoxTerminals, guard: Guard): BoxTerminals {
  return {
    open: async (request, options) => {
      await guard.change('Opening a terminal', options);
      return terminals.open(request, options);
    },
  };
}

export function guardWatch(watch: BoxWatch, guard: Guard): BoxWatch {
  return {
    watch: async function* (path, options) {
      guard.use();
      const signal = AbortSignal.any([options.signal, guard.closed]);
      yield* watch.watch(path, { ...options, signal });
      // A reader must not take the end of the handle for the end of the changes.
      if (!options.signal.aborted) guard.use();
    },
  };
}
