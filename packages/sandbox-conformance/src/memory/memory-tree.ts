// The files of a MemoryBox: folders, files and links, with names resolved the way a kernel does it.
import { type Bytes, SandboxError, type SandboxErrorCode } from '@boxyard/sandbox-core';

export interface MemoryFile {
  readonly kind: 'file';
  /** Replaced by every write and never changed in place, so whoever holds it holds one moment. */
  bytes: Bytes;
  mode: number;
  modifiedAt: Date;
  readonly inode: number;
}
export interface MemoryFolder {
  readonly kind: 'dir';
  readonly children: Map<string, MemoryNode>;
  mode: number;
  modifiedAt: Date;
}
export interface MemoryLink {
  readonly kind: 'symlink';
  readonly target: string;
  readonly modifiedAt: Date;
}
export type MemoryNode = MemoryFile | MemoryFolder | MemoryLink;

/** Where a name really leads, with or without something there. */
export interface MemoryPlace {
  /** Components below `/`, without links. */
  readonly path: readonly string[];
  readonly folder: MemoryFolder;
  /** Empty for `/` itself. */
  readonly name: string;
  readonly node: MemoryNode | undefined;
}

export interface ResolveOptions {
  /** Where a relative name starts. */
  readonly from: readonly string[];
  /** Whether a link in the last component is followed. */
  readonly follow: boolean;
  /** Refused with `denied` when the name leads out of this folder. */
  readonly within?: readonly string[] | undefined;
}

// As in Linux.
const MOST_LINKS = 40;

let inodes = 0;

export const newFile = (bytes: Bytes, mode = 0o644): MemoryFile => ({
  kind: 'file',
  bytes,
  mode,
  modifiedAt: new Date(),
  inode: ++inodes,
});
export const newFolder = (mode = 0o755): MemoryFolder => ({
  kind: 'dir',
  children: new Map(),
  mode,
  modifiedAt: new Date(),
});

export type TreeChange = (
  kind: 'created' | 'modified' | 'deleted',
  path: readonly string[],
  isDir: boolean,
) => void;

export class MemoryTree {
  readonly root = newFolder();
  readonly #listeners = new Set<TreeChange>();

  /** Tells of every change from now on. Answers how to stop. */
  onChange(listener: TreeChange): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  resolve(path: string, options: ResolveOptions): MemoryPlace {
    const inside = (at: readonly string[]) =>
      options.within?.every((part, index) => at[index] === part) ?? true;
    const outside = () => treeError('denied', path, 'leads out of the workspace; use a path inside');
    const trail: { folder: MemoryFolder; name: string }[] = [];
    const waiting = [...(path.startsWith('/') ? [] : options.from), ...path.split('/')].filter(isPart);
    let links = 0;
    let place: MemoryPlace = { path: [], folder: this.root, name: '', node: this.root };
    while (waiting.length > 0) {
      const part = waiting.shift()!;
      const at = place.path;
      if (place.node?.kind !== 'dir') {
        if (!inside(at)) throw outside();
        if (place.node === undefined)
          throw treeError('not-found', path, 'does not exist; create its folder first');
        throw treeError('invalid', path, 'goes through something that is no folder; correct the path');
      }
      if (part === '..') {
        trail.pop();
        place = this.#placeOf(trail, at.slice(0, -1));
        continue;
      }
      const folder = place.node;
      const node = folder.children.get(part);
      if (node?.kind === 'symlink' && (options.follow || waiting.length > 0)) {
        if (++links > MOST_LINKS) throw treeError('invalid', path, 'goes round in links; remove one of them');
        if (node.target.startsWith('/')) {
          trail.length = 0;
          place = this.#placeOf(trail, []);
        }
        waiting.unshift(...node.target.split('/').filter(isPart));
        continue;
      }
      trail.push({ folder, name: part });
      place = { path: [...at, part], folder, name: part, node };
    }
    if (!inside(place.path)) throw outside();
    return place;
  }

  put(place: MemoryPlace, node: MemoryNode): void {
    const kind = place.folder.children.has(place.name) ? 'modified' : 'created';
    place.folder.children.set(place.name, node);
    place.folder.modifiedAt = new Date();
    this.#tell(kind, place.path, node.kind === 'dir');
  }

  delete(place: MemoryPlace): void {
    if (!place.folder.children.delete(place.name)) return;
    place.folder.modifiedAt = new Date();
    this.#tell('deleted', place.path, place.node?.kind === 'dir');
  }

  append(place: MemoryPlace, file: MemoryFile, bytes: Bytes): void {
    file.bytes = new Uint8Array(Buffer.concat([file.bytes, bytes]));
    file.modifiedAt = new Date();
    this.#tell('modified', place.path, false);
  }

  #placeOf(trail: readonly { folder: MemoryFolder; name: string }[], path: readonly string[]): MemoryPlace {
    const last = trail.at(-1);
    if (last === undefined) return { path: [], folder: this.root, name: '', node: this.root };
    return { path, folder: last.folder, name: last.name, node: last.folder.children.get(last.name) };
  }

  #tell(...change: Parameters<TreeChange>): void {
    for (const listener of this.#listeners) listener(...change);
  }
}

const isPart = (part: string): boolean => part !== '' && part !== '.';

export function treeError(code: SandboxErrorCode, path: string, what: string): SandboxError {
  return new SandboxError(code, `${JSON.stringify(path)} ${what}.`, { stage: 'files', started: 'no' });
}
