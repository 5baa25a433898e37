import {
  type ArchiveItem,
  type ArchiveMember,
  type BoxArchives,
  type Bytes,
  checkRelativePath,
  DEFAULT_ARCHIVE_LIMITS,
  type FileReading,
  type PackedArchive,
  type PackOptions,
  packArchive,
  readArchive,
  SandboxError,
  type UnpackOptions,
  type UnpackReport,
} from '@boxyard/sandbox-core';
import type { MemoryGate } from './memory-gate.ts';
import type { MemoryMachine } from './memory-machine.ts';
import {
  type MemoryFile,
  type MemoryFolder,
  type MemoryNode,
  type MemoryPlace,
  newFile,
  newFolder,
  treeError,
} from './memory-tree.ts';

const NS_PER_MS = 1_000_000n;

/** Archives of a tree in memory; the format and its judgement are those of every box. */
export class MemoryArchives implements BoxArchives {
  readonly #machine: MemoryMachine;
  readonly #gate: MemoryGate;

  constructor(machine: MemoryMachine, gate: MemoryGate) {
    this.#machine = machine;
    this.#gate = gate;
  }

  pack(options: PackOptions = {}): Promise<PackedArchive> {
    return this.#gate.pass('Packing', options, async () => {
      const { node } = this.#folder(options.path ?? '');
      return packArchive(itemsOf(node, ''), { compression: options.compression, signal: options.signal });
    });
  }

  unpack(archive: ReadableStream<Bytes>, options: UnpackOptions): Promise<UnpackReport> {
    return this.#gate.pass('Unpacking', options, async (signal) => {
      this.#gate.mayChange(options);
      const { limits = DEFAULT_ARCHIVE_LIMITS, allowOutwardLinks } = options;
      for (const [name, value] of Object.entries(limits)) {
        if (Number.isSafeInteger(value) && value >= 0) continue;
        throw new SandboxError('invalid', `The limit ${name} is ${value}; give a whole number from 0.`);
      }
      const { node: target } = this.#folder(options.path ?? '');
      const staged = options.mode === 'merge' ? copyOf(target) : newFolder(target.mode);
      const { manifest } = await readArchive(
        archive,
        { limits, allowOutwardLinks, signal },
        async (member) => {
          put(staged, member, await contentOf(member));
        },
      );
      signal.throwIfAborted();
      this.#gate.mayChange(options);
      // The folder may have been exchanged while the archive came in.
      const { path, node } = this.#folder(options.path ?? '');
      for (const name of [...node.children.keys()]) {
        if (!staged.children.has(name)) this.#machine.tree.delete(childPlace(node, path, name));
      }
      for (const [name, child] of staged.children) {
        if (node.children.get(name) !== child) this.#machine.tree.put(childPlace(node, path, name), child);
      }
      const files = manifest.entries.filter((entry) => entry.kind === 'file');
      const sizeBytes = files.reduce((sum, entry) => sum + entry.sizeBytes, 0);
      return { files: files.length, sizeBytes, manifest };
    });
  }

  #folder(path: string): { readonly path: readonly string[]; readonly node: MemoryFolder } {
    const { root, tree } = this.#machine;
    const place = tree.resolve(checkRelativePath(path), { from: root, follow: true, within: root });
    if (place.node === undefined) throw treeError('not-found', path, 'does not exist; make it first');
    if (place.node.kind !== 'dir') throw treeError('invalid', path, 'is no folder; name one');
    return { path: place.path, node: place.node };
  }
}

const childPlace = (folder: MemoryFolder, path: readonly string[], name: string): MemoryPlace => ({
  path: [...path, name],
  folder,
  name,
  node: folder.children.get(name),
});

async function* itemsOf(folder: MemoryFolder, below: string): AsyncGenerator<ArchiveItem> {
  for (const [name, node] of [...folder.children]) {
    const path = below === '' ? name : `${below}/${name}`;
    const mtimeNs = BigInt(node.modifiedAt.getTime()) * NS_PER_MS;
    if (node.kind === 'symlink') yield { kind: 'symlink', path, mtimeNs, target: node.target };
    else if (node.kind === 'file') yield { kind: 'file', path, open: async () => readingOf(folder, name) };
    else {
      yield { kind: 'dir', path, mode: node.mode, mtimeNs };
      yield* itemsOf(node, path);
    }
  }
}

function readingOf(folder: MemoryFolder, name: string): FileReading | 'gone' {
  const node = folder.children.get(name);
  if (node?.kind !== 'file') return 'gone';
  const { bytes } = node;
  let read = false;
  return {
    sizeBytes: bytes.length,
    mode: node.mode,
    mtimeNs: BigInt(node.modifiedAt.getTime()) * NS_PER_MS,
    next: async () => {
      if (read || bytes.length === 0) return null;
      read = true;
      return bytes;
    },
    changed: async () => {
      const now = folder.children.get(name);
      return now?.kind === 'file' && now.bytes !== bytes;
    },
    close: async () => {},
  };
}

async function contentOf(member: ArchiveMember): Promise<Bytes> {
  const parts: Bytes[] = [];
  for await (const part of member.content) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

/** Files are shared: they are replaced by every write and never changed in place by one. */
function copyOf(folder: MemoryFolder): MemoryFolder {
  const copy = newFolder(folder.mode);
  for (const [name, node] of folder.children)
    copy.children.set(name, node.kind === 'dir' ? copyOf(node) : node);
  return copy;
}

function put(root: MemoryFolder, member: ArchiveMember, bytes: Bytes): void {
  const names = member.path.split('/');
  const name = names.pop() ?? '';
  const folder = names.reduce((at, each) => folderIn(at, each), root);
  folder.children.set(name, nodeOf(root, folder.children.get(name), member, bytes));
}

function nodeOf(
  root: MemoryFolder,
  present: MemoryNode | undefined,
  member: ArchiveMember,
  bytes: Bytes,
): MemoryNode {
  const modifiedAt = new Date(Number(member.mtimeNs / NS_PER_MS));
  switch (member.kind) {
    case 'dir': {
      const folder = present?.kind === 'dir' ? present : newFolder();
      folder.mode = member.mode;
      return folder;
    }
    case 'symlink':
      return { kind: 'symlink', target: member.target, modifiedAt };
    case 'hardlink':
      return fileIn(root, member.target);
    case 'file': {
      const file = newFile(bytes, member.mode);
      file.modifiedAt = modifiedAt;
      return file;
    }
  }
}

function folderIn(folder: MemoryFolder, name: string): MemoryFolder {
  const present = folder.children.get(name);
  if (present?.kind === 'dir') return present;
  const made = newFolder();
  folder.children.set(name, made);
  return made;
}

function fileIn(root: MemoryFolder, path: string): MemoryFile {
  const names = path.split('/');
  const name = names.pop() ?? '';
  const node = names.reduce((at, each) => folderIn(at, each), root).children.get(name);
  if (node?.kind !== 'file')
    throw treeError('invalid', path, 'is no file that a link could name; pack it again');
  return node;
}
