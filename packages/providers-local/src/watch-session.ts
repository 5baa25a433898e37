import { type BigIntStats, type FSWatcher, watch } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { type FileChange, joinPath, SandboxError } from '@boxyard/sandbox-core';
import { fsErrorName, type HeldFolder, type JailedFolder } from '@boxyard/sandbox-core/jailed-folder';
import { isTemporaryName } from './temporary-name.ts';

const GATHER_MS = 50;

/** Where exactness ends and `resync` begins. */
export interface WatchLimits {
  /** Raw events in one gathering. The system drops what is beyond 16 384, and node does not hear of it. */
  readonly maxBurst: number;
  /** Changes that a reader who does not read may leave waiting. */
  readonly maxWaiting: number;
}

// Setting up takes its time in a large tree, and what changes meanwhile in parts not yet watched may go unseen.
const LARGE_TREE_FOLDERS = 1000;

// Timestamps come from a clock that ticks every 1 to 10 ms.
const CLOCK_TICK_MS = 10;

interface WatchedFolder {
  readonly watcher: FSWatcher;
  readonly identity: string;
  /** Whether each known name is a folder. */
  readonly names: Map<string, boolean>;
}

/** One reader's watch over a tree: one system watch per folder, set by descriptor, so no link is followed. */
export class WatchSession {
  readonly #jail: JailedFolder;
  readonly #base: string;
  readonly #enters: (folderPath: string) => boolean;
  readonly #limits: WatchLimits;
  readonly #folders = new Map<string, WatchedFolder>();
  #dirty = new Map<string, Set<string>>();
  #dirtyCount = 0;
  #timer: NodeJS.Timeout | null = null;
  #working: Promise<void> = Promise.resolve();
  #waiting: FileChange[] = [];
  #wake: () => void = () => undefined;
  #failure: { readonly error: unknown } | null = null;
  #closed = false;

  /** @param enters which folders below the base are watched too. */
  constructor(
    jail: JailedFolder,
    base: string,
    enters: (folderPath: string) => boolean,
    limits: WatchLimits,
  ) {
    this.#limits = limits;
    this.#jail = jail;
    this.#base = base;
    this.#enters = enters;
  }

  async start(): Promise<void> {
    if (this.#closed) return;
    await this.#setUp(Date.now() - CLOCK_TICK_MS);
    if (this.#folders.size > LARGE_TREE_FOLDERS) this.#tell('resync', '', false);
  }

  /** What changed since the last call; waits for something. Null when the session was closed. */
  async next(): Promise<readonly FileChange[] | null> {
    while (true) {
      if (this.#closed) return null;
      if (this.#waiting.length > 0) {
        const changes = this.#waiting;
        this.#waiting = [];
        return changes;
      }
      if (this.#failure !== null) throw this.#failure.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#forgetAll();
    this.#waiting = [];
    this.#wake();
  }

  async #setUp(changedSinceMs: number): Promise<void> {
    const held = await this.#jail.hold(this.#base, { followLast: false });
    try {
      await this.#add(held, this.#base, { announce: false, changedSinceMs });
    } finally {
      await held.release();
    }
  }

  /** Watches the folder before it is read: what comes in between is then told twice rather than never. */
  async #add(
    folder: HeldFolder,
    path: string,
    how: { readonly announce: boolean; readonly changedSinceMs: number },
  ): Promise<void> {
    if (this.#closed) return;
    const watcher = this.#watch(folder, path);
    const names = new Map<string, boolean>();
    let stats: Awaited<ReturnType<typeof statsOf>>;
    try {
      stats = await statsOf(`${folder.self}/.`);
      if (stats === null || this.#closed) {
        watcher.close();
        return;
      }
    } catch (error) {
      watcher.close();
      throw error;
    }
    this.#folders.get(path)?.watcher.close();
    this.#folders.set(path, { watcher, identity: identityOf(stats), names });
    const changedLately = Number(stats.mtimeMs) >= how.changedSinceMs;
    for (const entry of await readdir(folder.self, { withFileTypes: true })) {
      if (isTemporaryName(entry.name)) continue;
      const isDir = entry.isDirectory();
      names.set(entry.name, isDir);
      const entryPath = joinPath(path, entry.name);
      const isNew =
        how.announce || (changedLately && (await bornSince(folder, entry.name, how.changedSinceMs)));
      if (isNew) this.#tell('created', entryPath, isDir);
      if (isDir && this.#enters(entryPath)) {
        await this.#addChild(folder, entry.name, entryPath, { ...how, announce: isNew });
      }
    }
  }

  async #addChild(
    folder: HeldFolder,
    name: string,
    path: string,
    how: { readonly announce: boolean; readonly changedSinceMs: number },
  ): Promise<void> {
    const child = await folder.child(name).catch(nullWhenUnseen);
    if (child === null) return;
    try {
      await this.#add(child, path, how).catch(nullWhenUnseen);
    } finally {
      await child.release();
    }
  }

  #watch(folder: HeldFolder, path: string): FSWatcher {
    let watcher: FSWatcher;
    try {
      watcher = watch(folder.self, (_, name) => this.#mark(path, name));
    } catch (error) {
      if (fsErrorName(error) !== 'ENOSPC') throw error;
      throw new SandboxError(
        'quota',
        'Watching failed: the system allows no more watches. Watch a smaller folder or raise fs.inotify.max_user_watches.',
        { cause: error },
      );
    }
    // A folder that goes away ends its watch; the folder above tells.
    watcher.on('error', () => this.#mark(path, null));
    return watcher;
  }

  #mark(folder: string, name: string | null): void {
    if (this.#closed || (name !== null && isTemporaryName(name))) return;
    const names = this.#dirty.get(folder) ?? new Set<string>();
    if (name !== null) names.add(name);
    this.#dirty.set(folder, names);
    this.#dirtyCount += 1;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      // One after the other: each compares with what the one before it found.
      this.#working = this.#working.then(() => this.#gather()).catch((error) => this.#fail(error));
    }, GATHER_MS);
  }

  async #gather(): Promise<void> {
    const dirty = this.#dirty;
    const count = this.#dirtyCount;
    this.#dirty = new Map();
    this.#dirtyCount = 0;
    if (this.#closed) return;
    if (count >= this.#limits.maxBurst) {
      await this.#startAnew();
      return;
    }
    if (await this.#baseWasExchanged()) {
      await this.#startAnew();
      return;
    }
    // Folders before what they hold: one that is gone takes the marks below it along.
    for (const path of [...dirty.keys()].sort()) {
      if (this.#closed) return;
      await this.#compare(path, dirty.get(path) as Set<string>);
    }
  }

  async #startAnew(): Promise<void> {
    this.#forgetAll();
    this.#waiting = [];
    await this.#setUp(Number.POSITIVE_INFINITY);
    this.#tell('resync', '', false);
  }

  /** Throws `not-found` or `gone` when it is not there any more, after telling that its content went. */
  async #baseWasExchanged(): Promise<boolean> {
    try {
      return await this.#jail.withFolder(
        this.#base,
        async (folder) => {
          const stats = await statsOf(`${folder.self}/.`);
          return stats === null || identityOf(stats) !== this.#folders.get(this.#base)?.identity;
        },
        { followLast: false },
      );
    } catch (error) {
      this.#forget(this.#base);
      if (this.#base !== '') this.#tell('deleted', this.#base, true);
      throw error;
    }
  }

  async #compare(path: string, names: ReadonlySet<string>): Promise<void> {
    const known = this.#folders.get(path);
    if (known === undefined) return;
    const folder = await this.#jail.hold(path, { followLast: false }).catch(nullWhenUnseen);
    // The folder above is marked then too.
    if (folder === null) return;
    try {
      for (const name of names) await this.#compareName(folder, joinPath(path, name), name, known);
    } finally {
      await folder.release();
    }
  }

  async #compareName(folder: HeldFolder, path: string, name: string, known: WatchedFolder): Promise<void> {
    const wasDir = known.names.get(name);
    const stats = await statsOf(folder.at(name));
    const isDir = stats?.isDirectory() ?? false;
    const watched = this.#folders.get(path);
    const otherFolder = watched !== undefined && stats !== null && identityOf(stats) !== watched.identity;
    const exchanged = wasDir !== undefined && (wasDir !== isDir || otherFolder);
    if (wasDir !== undefined && (stats === null || exchanged)) {
      known.names.delete(name);
      this.#forget(path);
      this.#tell('deleted', path, wasDir);
    }
    if (stats === null) return;
    const isNew = wasDir === undefined || exchanged;
    known.names.set(name, isDir);
    // A folder is not modified by what happens in it: that is told by itself.
    if (isNew || !isDir) this.#tell(isNew ? 'created' : 'modified', path, isDir);
    if (isNew && isDir && this.#enters(path)) {
      await this.#addChild(folder, name, path, { announce: true, changedSinceMs: Number.POSITIVE_INFINITY });
    }
  }

  /** Ends the watch of a folder that is gone and tells that what it held is gone. */
  #forget(path: string): void {
    const folder = this.#folders.get(path);
    if (folder === undefined) return;
    this.#folders.delete(path);
    folder.watcher.close();
    for (const [name, isDir] of folder.names) {
      const below = joinPath(path, name);
      if (isDir) this.#forget(below);
      this.#tell('deleted', below, isDir);
    }
  }

  #forgetAll(): void {
    for (const { watcher } of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  #tell(kind: FileChange['kind'], path: string, isDir: boolean): void {
    if (this.#closed) return;
    // Once something was dropped, what came before it says nothing more than the one word that all is to be read.
    if (this.#waiting.length >= this.#limits.maxWaiting)
      this.#waiting = [{ kind: 'resync', path: '', isDir: false }];
    this.#waiting.push({ kind, path, isDir });
    this.#wake();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }
}

/** A folder made right after another was removed often gets its inode: only the birth tells them apart. */
function identityOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`;
}

function statsOf(path: string) {
  return lstat(path, { bigint: true }).catch((error) => {
    if (fsErrorName(error) === 'ENOENT') return null;
    throw error;
  });
}

async function bornSince(folder: HeldFolder, name: string, sinceMs: number): Promise<boolean> {
  const stats = await statsOf(folder.at(name));
  return stats !== null && Number(stats.ctimeMs) >= sinceMs;
}

/** What went away meanwhile, or may not be read, is not there for this watch. */
function nullWhenUnseen(error: unknown): null {
  const unseen = ['ENOENT', 'ENOTDIR', 'EACCES'].includes(fsErrorName(error));
  if (unseen || SandboxError.hasCode(error, 'not-found') || SandboxError.hasCode(error, 'invalid'))
    return null;
  throw error;
}
