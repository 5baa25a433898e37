import type { BoxFiles, FileEntry } from '@boxyard/sandbox-core';
import type { SeenChange } from './change-batch.ts';

/** A watch tells of a change well within this time after it was made, also on a machine that is busy. */
const REMEMBERED_MS = 10_000;
const LOOK_DEADLINE_MS = 5_000;

/** One operation of the API that changes files and records that by itself. */
export class OwnChange {
  readonly #paths: readonly string[];
  readonly #startedAt = new Date();
  readonly #left = new Map<string, FileEntry | null>();
  #endedMs: number | null = null;

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  get running(): boolean {
    return this.#endedMs === null;
  }

  get expired(): boolean {
    return this.#endedMs !== null && performance.now() - this.#endedMs > REMEMBERED_MS;
  }

  covers(path: string): boolean {
    return this.#paths.some((own) => path === own || own === '' || path.startsWith(`${own}/`));
  }

  /** Remembers what it left. Where that cannot be seen, what a watch tells of it is recorded once more. */
  async end(files: BoxFiles): Promise<void> {
    try {
      for (const path of this.#paths) {
        this.#left.set(path, await files.stat(path, { deadlineMs: LOOK_DEADLINE_MS }));
      }
    } catch {
      // See above.
    } finally {
      this.#endedMs = performance.now();
    }
  }

  /** Whether a seen change is this one, judged by what is there `now`: somebody may have changed it again. */
  explains(change: SeenChange, now: FileEntry | null): boolean {
    const left = this.#left.get(change.path);
    if (left !== undefined && !change.isDir) return sameEntry(left, now);
    if (now === null) return change.kind === 'deleted';
    // What moved or was unpacked kept its time; a file that somebody else made in there meanwhile is younger.
    return now.kind === 'dir' || now.modifiedAt < this.#startedAt;
  }
}

/** What the API changes itself, so that a watch of the same box does not tell it a second time. */
export class OwnChanges {
  readonly #changes = new Set<OwnChange>();

  begin(paths: readonly string[]): OwnChange {
    const change = new OwnChange(paths);
    this.#changes.add(change);
    return change;
  }

  /** The operations that may have made a change. */
  about(path: string): OwnChange[] {
    for (const change of this.#changes) if (change.expired) this.#changes.delete(change);
    return [...this.#changes].filter((change) => change.covers(path));
  }
}

function sameEntry(a: FileEntry | null, b: FileEntry | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.kind === b.kind && a.sizeBytes === b.sizeBytes && a.modifiedAt.getTime() === b.modifiedAt.getTime()
  );
}
