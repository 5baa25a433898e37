import { createHash } from 'node:crypto';
import {
  type BoxFiles,
  type Bytes,
  type CallOptions,
  checkRelativePath,
  type FileEntry,
  type FileRange,
  type OpenedFile,
  SandboxError,
  type WriteOptions,
  type WrittenFile,
} from '@boxyard/sandbox-core';
import type { MemoryGate } from './memory-gate.ts';
import {
  type MemoryFile,
  type MemoryNode,
  type MemoryPlace,
  type MemoryTree,
  newFile,
  newFolder,
  treeError,
} from './memory-tree.ts';

// Above this a version is of the file's identity instead of its content, as every box does it.
const HASHED_VERSION_BYTES = 8 * 1024 * 1024;
const STREAM_CHUNK_BYTES = 64 * 1024;

/** `BoxFiles` over a tree in memory. */
export class MemoryFiles implements BoxFiles {
  readonly #tree: MemoryTree;
  readonly #gate: MemoryGate;
  readonly #root: readonly string[];

  constructor(tree: MemoryTree, gate: MemoryGate, root: readonly string[]) {
    this.#tree = tree;
    this.#gate = gate;
    this.#root = root;
  }

  read(path: string, options: CallOptions & FileRange & { readonly maxBytes?: number } = {}): Promise<Bytes> {
    return this.#do(`Reading ${JSON.stringify(path)}`, options, async () => {
      const bytes = rangeOf(this.#file(path).bytes, options);
      if (options.maxBytes !== undefined && bytes.length > options.maxBytes) {
        throw treeError('too-large', path, `has more than ${options.maxBytes} bytes; read a range of it`);
      }
      return bytes.slice();
    });
  }

  open(path: string, options: CallOptions & FileRange = {}): Promise<OpenedFile> {
    return this.#do(`Opening ${JSON.stringify(path)}`, options, async () => {
      const file = this.#file(path);
      const bytes = rangeOf(file.bytes, options);
      let at = 0;
      const stream = new ReadableStream<Bytes>({
        pull(controller) {
          if (at >= bytes.length) return controller.close();
          controller.enqueue(bytes.slice(at, at + STREAM_CHUNK_BYTES));
          at += STREAM_CHUNK_BYTES;
        },
      });
      return { stream, version: versionOf(file), sizeBytes: file.bytes.length };
    });
  }

  write(
    path: string,
    content: Bytes | ReadableStream<Bytes>,
    options: WriteOptions = {},
  ): Promise<WrittenFile> {
    return this.#do(`Writing ${JSON.stringify(path)}`, options, async (signal) => {
      checkRelativePath(path);
      // Before anything of the content is taken: who is refused may send it elsewhere.
      this.#gate.mayChange(options);
      const bytes = content instanceof Uint8Array ? content.slice() : await collectStream(content, signal);
      this.#gate.mayChange(options);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      if (options.expectedSha256 !== undefined && options.expectedSha256.toLowerCase() !== sha256) {
        throw treeError('invalid', path, `came as ${sha256}, not ${options.expectedSha256}; send it again`);
      }
      if (options.createParents === true) this.#makeParents(path);
      const place = this.#place(path, true);
      const present = place.node;
      if (place.name === '' || present?.kind === 'dir') {
        throw treeError('invalid', path, 'is a folder; name a file');
      }
      if (options.ifAbsent === true && this.#place(path, false).node !== undefined) {
        throw treeError('conflict', path, 'exists already; choose another name');
      }
      if (options.ifVersion !== undefined) {
        const version = present?.kind === 'file' ? versionOf(present) : null;
        if (version !== options.ifVersion) {
          throw treeError('precondition-failed', path, 'has changed since; read it again');
        }
      }
      const mode = options.mode ?? (present?.kind === 'file' ? present.mode : 0o644);
      const file = newFile(bytes, mode & 0o7777);
      this.#tree.put(place, file);
      return { sizeBytes: bytes.length, version: versionOf(file) };
    });
  }

  version(path: string, options: CallOptions = {}): Promise<string | null> {
    return this.#do(`Versioning ${JSON.stringify(path)}`, options, async () => {
      const node = this.#placeOrNull(path, true)?.node;
      if (node === undefined) return null;
      if (node.kind !== 'file') throw treeError('invalid', path, 'is no file; name one');
      return versionOf(node);
    });
  }

  stat(path: string, options: CallOptions = {}): Promise<FileEntry | null> {
    return this.#do(`Looking at ${JSON.stringify(path)}`, options, async () => {
      const place = this.#placeOrNull(path, false);
      return place?.node === undefined ? null : this.#entry(place.node, place.path);
    });
  }

  list(path: string, options: CallOptions = {}): Promise<readonly FileEntry[]> {
    return this.#do(`Listing ${JSON.stringify(path)}`, options, async () => {
      const place = this.#place(path, false);
      if (place.node === undefined) throw treeError('not-found', path, 'does not exist; list its parent');
      if (place.node.kind !== 'dir') throw treeError('invalid', path, 'is no folder; list its parent');
      return [...place.node.children].map(([name, node]) => this.#entry(node, [...place.path, name]));
    });
  }

  move(
    from: string,
    to: string,
    options: CallOptions & { readonly overwrite?: boolean; readonly createParents?: boolean } = {},
  ): Promise<void> {
    return this.#do(`Moving ${JSON.stringify(from)}`, options, async () => {
      checkRelativePath(to);
      this.#gate.mayChange(options);
      const source = this.#place(from, false);
      if (source.node === undefined) throw treeError('not-found', from, 'does not exist; nothing was moved');
      if (options.createParents === true) this.#makeParents(to);
      const target = this.#place(to, false);
      for (const [place, path] of [
        [source, from],
        [target, to],
      ] as const) {
        if (place.path.length <= this.#root.length)
          throw treeError('invalid', path, 'is the root; name what is in it');
      }
      const same = source.path.join('/') === target.path.join('/');
      if (
        source.node.kind === 'dir' &&
        !same &&
        source.path.every((part, index) => target.path[index] === part)
      ) {
        throw treeError('invalid', to, 'lies inside what is to be moved; choose another target');
      }
      if (target.node !== undefined && options.overwrite !== true) {
        throw treeError('conflict', to, 'exists already; choose another name or overwrite it');
      }
      if (same) return;
      if (target.node !== undefined && (target.node.kind === 'dir') !== (source.node.kind === 'dir')) {
        throw treeError('conflict', to, 'is of another kind than what is moved; remove it first');
      }
      if (target.node?.kind === 'dir' && target.node.children.size > 0) {
        throw treeError('conflict', to, 'is a folder with content; remove it first');
      }
      this.#tree.delete(source);
      this.#tree.put(target, source.node);
    });
  }

  remove(path: string, options: CallOptions & { readonly recursive?: boolean } = {}): Promise<void> {
    return this.#do(`Removing ${JSON.stringify(path)}`, options, async () => {
      this.#gate.mayChange(options);
      const place = this.#place(path, false);
      if (place.path.length <= this.#root.length)
        throw treeError('invalid', path, 'is the root; remove what is in it');
      if (place.node === undefined) throw treeError('not-found', path, 'does not exist; nothing was removed');
      if (place.node.kind === 'dir' && place.node.children.size > 0 && options.recursive !== true) {
        throw treeError('invalid', path, 'is a folder with content; say recursive to remove it with all');
      }
      this.#tree.delete(place);
    });
  }

  mkdir(path: string, options: CallOptions & { readonly recursive?: boolean } = {}): Promise<void> {
    return this.#do(`Making ${JSON.stringify(path)}`, options, async () => {
      checkRelativePath(path);
      this.#gate.mayChange(options);
      if (options.recursive === true) this.#makeParents(path);
      const place = this.#place(path, true);
      if (place.node !== undefined) {
        if (options.recursive === true && place.node.kind === 'dir') return;
        throw treeError('conflict', path, 'exists already; choose another name');
      }
      this.#tree.put(place, newFolder());
    });
  }

  #do<T>(what: string, options: CallOptions, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#gate.pass(what, options, run);
  }

  #place(path: string, follow: boolean): MemoryPlace {
    checkRelativePath(path);
    return this.#tree.resolve(path, { from: this.#root, follow, within: this.#root });
  }

  #placeOrNull(path: string, follow: boolean): MemoryPlace | null {
    try {
      return this.#place(path, follow);
    } catch (error) {
      if (SandboxError.hasCode(error, 'not-found')) return null;
      throw error;
    }
  }

  #file(path: string): MemoryFile {
    const { node } = this.#place(path, true);
    if (node === undefined) throw treeError('not-found', path, 'does not exist; list its folder');
    if (node.kind !== 'file') throw treeError('invalid', path, 'is no file; list it instead');
    return node;
  }

  #makeParents(path: string): void {
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    for (let count = 1; count < parts.length; count++) {
      const place = this.#place(parts.slice(0, count).join('/'), true);
      if (place.node === undefined) this.#tree.put(place, newFolder());
      else if (place.node.kind !== 'dir')
        throw treeError('invalid', path, 'goes through a file; correct the path');
    }
  }

  #entry(node: MemoryNode, path: readonly string[]): FileEntry {
    const relative = path.slice(this.#root.length);
    return {
      name: relative.at(-1) ?? '',
      path: relative.join('/'),
      kind: node.kind,
      sizeBytes:
        node.kind === 'file'
          ? node.bytes.length
          : node.kind === 'symlink'
            ? Buffer.byteLength(node.target)
            : 0,
      mode: node.kind === 'symlink' ? 0o777 : node.mode,
      modifiedAt: node.modifiedAt,
      ...(node.kind === 'symlink' ? { target: node.target } : {}),
    };
  }
}

export function versionOf(file: MemoryFile): string {
  if (file.bytes.length <= HASHED_VERSION_BYTES) {
    return `sha256-${createHash('sha256').update(file.bytes).digest('hex')}`;
  }
  return `st-${BigInt(file.modifiedAt.getTime()) * 1_000_000n}-${file.bytes.length}-${file.inode}`;
}

function rangeOf(bytes: Bytes, { offset = 0, length = Number.POSITIVE_INFINITY }: FileRange): Bytes {
  for (const value of [offset, length]) {
    if (value !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(value) && value >= 0)) {
      throw new SandboxError(
        'invalid',
        `The range ${offset}+${length} is no range; give whole numbers from 0.`,
        {
          started: 'no',
        },
      );
    }
  }
  return bytes.subarray(offset, Math.min(bytes.length, offset + length));
}

async function collectStream(stream: ReadableStream<Bytes>, signal: AbortSignal): Promise<Bytes> {
  const reader = stream.getReader();
  const stop = () => void reader.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener('abort', stop, { once: true });
  const parts: Bytes[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return new Uint8Array(Buffer.concat(parts));
      parts.push(value);
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
