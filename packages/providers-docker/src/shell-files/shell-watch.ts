// Changes found by looking: a box offers no events that cross its walls without a program of its own.
import {
  type BoxWatch,
  bounded,
  checkRelativePath,
  type FileChange,
  joinPath,
  SandboxError,
  type WatchOptions,
} from '@boxyard/sandbox-core';
import { FilesLink } from './files-link.ts';
import { ShellFiles, type ShellFilesOptions } from './shell-files.ts';
import type { ListedName } from './tree-listing.ts';

/** The pause after each look; longer where a look takes longer, so that watching costs a tenth of a core at most. */
const PAUSE_MS = 250;
const PAUSE_PER_LOOK = 9;

export class ShellWatch implements BoxWatch {
  readonly #options: ShellFilesOptions;
  readonly #closed = new AbortController();
  /** A channel of its own: a look at a large tree must not hold up the files. Opened by the first watcher. */
  #own: { readonly link: FilesLink; readonly files: ShellFiles } | null = null;

  constructor(options: ShellFilesOptions) {
    this.#options = options;
  }

  async *watch(path: string, options: WatchOptions): AsyncGenerator<FileChange, void, void> {
    if (this.#closed.signal.aborted) throw closedWatch();
    const at = checkRelativePath(path);
    const what = `Watching ${JSON.stringify(at)}`;
    const signal = AbortSignal.any([options.signal, this.#closed.signal]);
    const enters = options.recursive === false ? () => false : (options.enters ?? (() => true));
    try {
      let known = await this.#look(at, options.recursive !== false, enters, what, signal);
      options.onReady?.();
      while (true) {
        const begun = performance.now();
        await pause(Math.max(PAUSE_MS, known.tookMs * PAUSE_PER_LOOK), signal);
        const present = await this.#look(at, options.recursive !== false, enters, what, signal).catch(
          (error: unknown) => {
            // The folder itself has gone: so has everything in it.
            if (SandboxError.hasCode(error, 'not-found')) return { names: new Map(), tookMs: 0 };
            throw error;
          },
        );
        signal.throwIfAborted();
        yield* changes(at, known.names, present.names);
        known = { names: present.names, tookMs: present.tookMs || performance.now() - begun };
      }
    } catch (error) {
      if (options.signal.aborted) return;
      if (this.#closed.signal.aborted) throw closedWatch();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#own?.link.close();
  }

  async #look(
    at: string,
    deep: boolean,
    enters: (folderPath: string) => boolean,
    what: string,
    signal: AbortSignal,
  ): Promise<{ readonly names: ReadonlyMap<string, ListedName>; readonly tookMs: number }> {
    const begun = performance.now();
    if (this.#own === null) {
      const link = new FilesLink(this.#options.place);
      this.#own = { link, files: new ShellFiles({ ...this.#options, link }) };
    }
    const { files } = this.#own;
    const listed = await this.#options.judge(
      bounded({ signal }, what, (inner) => files.names(at, deep ? '-' : '1', what, inner)),
    );
    const wanted = new Map<string, boolean>();
    // Parents come before what they hold.
    const isWanted = (folder: string): boolean => {
      if (folder === '') return true;
      const known = wanted.get(folder);
      if (known !== undefined) return known;
      const cut = folder.lastIndexOf('/');
      const answer = isWanted(folder.slice(0, Math.max(0, cut))) && enters(joinPath(at, folder));
      wanted.set(folder, answer);
      return answer;
    };
    const names = listed.filter(({ path, isText }) => {
      const cut = path.lastIndexOf('/');
      return isText && (cut === -1 || isWanted(path.slice(0, cut)));
    });
    return {
      names: new Map(names.map((one) => [one.path, one])),
      tookMs: performance.now() - begun,
    };
  }
}

function* changes(
  base: string,
  before: ReadonlyMap<string, ListedName>,
  after: ReadonlyMap<string, ListedName>,
): Generator<FileChange, void, void> {
  for (const [path, { kind }] of before) {
    if (after.get(path)?.kind === kind) continue;
    yield { kind: 'deleted', path: joinPath(base, path), isDir: kind === 'dir' };
  }
  for (const [path, now] of after) {
    const then = before.get(path);
    const isDir = now.kind === 'dir';
    if (then?.kind !== now.kind) yield { kind: 'created', path: joinPath(base, path), isDir };
    // A folder is not modified by what happens in it: that is told by itself.
    else if (!isDir && isOther(then, now)) yield { kind: 'modified', path: joinPath(base, path), isDir };
  }
}

const isOther = (a: ListedName, b: ListedName) =>
  a.mtimeNs !== b.mtimeNs ||
  a.ctimeNs !== b.ctimeNs ||
  a.sizeBytes !== b.sizeBytes ||
  a.inode !== b.inode ||
  a.target !== b.target;

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    const onAbort = () => {
      finish();
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      finish();
      resolve();
    }, ms);
    timer.unref();
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function closedWatch(): SandboxError {
  return new SandboxError('closed', 'The handle of the box is closed; open the box again.', {
    started: 'no',
  });
}
