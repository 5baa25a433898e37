import type { FileChange } from '@boxyard/sandbox-core';
import { scopeOf } from './recorded-scope.ts';

/** Beyond it one event says that a folder changed: nobody reads a longer list, and each reader is sent all of it. */
const MAX_CHANGES = 500;

export type SeenChange = Omit<FileChange, 'kind'> & { readonly kind: Exclude<FileChange['kind'], 'resync'> };

export interface TakenChanges {
  readonly changes: readonly SeenChange[];
  /** A folder whose content is to be read anew, because its changes were too many or were not seen. */
  readonly folder: string | null;
  readonly repositories: readonly string[];
}

/** Changes of a workspace that are recorded together: one for each path. */
export class ChangeBatch {
  #changes = new Map<string, SeenChange>();
  #folder: string | null = null;
  #repositories = new Set<string>();

  get isEmpty(): boolean {
    return this.#changes.size === 0 && this.#folder === null && this.#repositories.size === 0;
  }

  add({ kind, path, isDir }: FileChange): void {
    if (kind === 'resync') {
      this.addFolder(path);
      return;
    }
    const scope = scopeOf(path);
    if (scope === null) return;
    if (scope.kind === 'git') {
      this.#repositories.add(scope.repository);
      return;
    }
    if (this.#folder !== null) {
      this.#folder = commonFolder(this.#folder, folderOf(path));
      return;
    }
    const change = merged(this.#changes.get(path), { kind, path, isDir });
    // The order of the list is that of the last news.
    this.#changes.delete(path);
    if (change !== null) this.#changes.set(path, change);
    if (this.#changes.size > MAX_CHANGES) this.addFolder(folderOf(path));
  }

  /** What changed below a folder is not known one by one. */
  addFolder(folder: string): void {
    let common = this.#folder === null ? folder : commonFolder(this.#folder, folder);
    for (const path of this.#changes.keys()) common = commonFolder(common, folderOf(path));
    this.#changes.clear();
    this.#folder = common;
  }

  take(): TakenChanges {
    const taken = {
      changes: [...this.#changes.values()],
      folder: this.#folder,
      repositories: [...this.#repositories],
    };
    this.#changes = new Map();
    this.#folder = null;
    this.#repositories = new Set();
    return taken;
  }
}

/** Null for what came and went again before anybody was told of it. */
function merged(before: SeenChange | undefined, change: SeenChange): SeenChange | null {
  if (before === undefined) return change;
  if (before.kind === 'created' && change.kind === 'deleted') return null;
  if (before.kind === 'created' && change.kind === 'modified') return { ...change, kind: 'created' };
  if (before.kind === 'deleted' && change.kind === 'created' && before.isDir === change.isDir)
    return { ...change, kind: 'modified' };
  return change;
}

const folderOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')));

function commonFolder(a: string, b: string): string {
  const [first, second] = [a.split('/'), b.split('/')];
  const length = first.findIndex((name, at) => name !== second[at]);
  return (length < 0 ? first : first.slice(0, length)).join('/');
}
