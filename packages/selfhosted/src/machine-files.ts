// Files of the machine below one folder: small ones in one reply, large ones as ops, one descriptor each.
import { randomUUID } from 'node:crypto';
import { type FsEntry, FsEntryKind } from '@boxyard/agent-proto/messages';
import {
  type BoxFiles,
  type Bytes,
  bounded,
  type CallOptions,
  checkRelativePath,
  type FileEntry,
  type FileKind,
  type FileRange,
  joinPath,
  type OpenedFile,
  SandboxError,
  streamChunks,
  type WriteOptions,
  type WrittenFile,
} from '@boxyard/sandbox-core';
import { ChunkedUpload } from './chunked-upload.ts';
import type { OpFrames } from './control-rpc.ts';
import { downloadOf } from './download.ts';
import type { AskedOp, MachineCalls } from './machine-calls.ts';
import { OpReader } from './op-reader.ts';
import type { OpenHandle } from './open-handle.ts';
import { splitContent } from './split-content.ts';

export interface MachineFilesOptions {
  readonly calls: MachineCalls;
  readonly frames: OpFrames;
  readonly handle: OpenHandle;
  /** Empty for the workspace, else an absolute path that the owner of the machine has allowed. */
  readonly root: string;
  readonly maxChunkBytes: () => number;
}

/** Of an agent that serves a whole box. */
export class MachineFiles implements BoxFiles {
  readonly #options: MachineFilesOptions;

  constructor(options: MachineFilesOptions) {
    this.#options = options;
  }

  read(path: string, options: CallOptions & FileRange & { readonly maxBytes?: number } = {}): Promise<Bytes> {
    const what = `Reading ${JSON.stringify(path)}`;
    return this.#do(what, options, async (signal, progress) => {
      const { offset = 0, length, maxBytes = Number.POSITIVE_INFINITY } = options;
      checkRange(what, options);
      const inOne = this.#options.maxChunkBytes();
      if (length === 0) {
        // On the wire no length is all of it.
        await this.#readOne(path, what, signal, offset, 1);
        return new Uint8Array();
      }
      const first = await this.#readOne(path, what, signal, offset, Math.min(length ?? inOne, inOne));
      const wanted = Math.min(
        length ?? Number.POSITIVE_INFINITY,
        Math.max(0, Number(first.totalSize) - offset),
      );
      if (wanted > maxBytes) throw tooLarge(what, wanted, maxBytes);
      if (first.content.length >= wanted) return new Uint8Array(first.content);
      // Not the rest: between two replies the file may have been replaced.
      const { stream } = await this.#download(path, options, signal);
      const parts: Bytes[] = [];
      let bytes = 0;
      for await (const chunk of streamChunks(stream, signal, what)) {
        progress();
        parts.push(chunk);
        bytes += chunk.length;
        if (bytes > maxBytes) throw tooLarge(what, bytes, maxBytes);
      }
      return new Uint8Array(Buffer.concat(parts));
    });
  }

  open(path: string, options: CallOptions & FileRange = {}): Promise<OpenedFile> {
    const what = `Opening ${JSON.stringify(path)}`;
    return this.#do(what, options, async (signal) => {
      checkRange(what, options);
      if (options.length !== 0) return this.#download(path, options, signal);
      // On the wire no length is all of it.
      const { stream, ...opened } = await this.#download(path, { ...options, length: 1 }, signal);
      await stream.cancel();
      return { ...opened, stream: new ReadableStream({ start: (controller) => controller.close() }) };
    });
  }

  write(
    path: string,
    content: Bytes | ReadableStream<Bytes>,
    options: WriteOptions = {},
  ): Promise<WrittenFile> {
    const what = `Writing ${JSON.stringify(path)}`;
    return this.#do(what, options, async (signal, progress) => {
      const at = this.#at(path);
      const { first, rest } = await splitContent(content, this.#options.maxChunkBytes(), signal, what);
      const { mode, createParents = false, ifAbsent = false, ifVersion, expectedSha256, fence } = options;
      const terms = {
        ifAbsent,
        ifVersion: ifVersion ?? '',
        expectedSha256: expectedSha256 ?? '',
        setMode: mode !== undefined,
      };
      const { calls } = this.#options;
      if (rest === null) {
        const op = {
          case: 'fsWrite',
          value: { path: at, content: first, createParents, mode: mode ?? 0, terms },
        } as const;
        const { version } = await calls.ask(op, { what, signal, changes: true, fence });
        return { version, sizeBytes: first.length };
      }
      const upload = new ChunkedUpload({ calls, what, signal, maxChunkBytes: this.#options.maxChunkBytes });
      const begin = { path: at, createParents, mode: mode ?? 0, terms };
      return upload.send({ op: { case: 'fsWrite', value: begin } }, first, rest, fence, progress);
    });
  }

  version(path: string, options?: CallOptions): Promise<string | null> {
    const what = `Reading the version of ${JSON.stringify(path)}`;
    return this.#do(what, options, async (signal) => {
      const { version } = await this.#ask(
        { case: 'fsVersion', value: { path: this.#at(path) } },
        what,
        signal,
      );
      return version === '' ? null : version;
    });
  }

  stat(path: string, options?: CallOptions): Promise<FileEntry | null> {
    const what = `Looking at ${JSON.stringify(path)}`;
    return this.#do(what, options, async (signal) => {
      const { exists, entry } = await this.#ask(
        { case: 'fsStat', value: { path: this.#at(path) } },
        what,
        signal,
      );
      return exists && entry !== undefined ? entryOf(entry, checkRelativePath(path)) : null;
    });
  }

  list(path: string, options?: CallOptions): Promise<readonly FileEntry[]> {
    const what = `Listing ${JSON.stringify(path)}`;
    return this.#do(what, options, async (signal, progress) => {
      const folder = checkRelativePath(path);
      const entries: FileEntry[] = [];
      for (let afterName = ''; ; ) {
        const value = { path: this.#at(path), paged: true, afterName };
        const page = await this.#ask({ case: 'fsList', value }, what, signal);
        for (const entry of page.entries) entries.push(entryOf(entry, joinPath(folder, entry.name)));
        const last = page.entries.at(-1);
        if (!page.more || last === undefined) return entries;
        afterName = last.name;
        progress();
      }
    });
  }

  move(
    from: string,
    to: string,
    options: CallOptions & { readonly overwrite?: boolean; readonly createParents?: boolean } = {},
  ): Promise<void> {
    const { overwrite = false, createParents = false } = options;
    return this.#change(`Moving ${JSON.stringify(from)}`, options, () => ({
      case: 'fsMove',
      value: { from: this.#at(from), to: this.#at(to), overwrite, createParents },
    }));
  }

  remove(path: string, options: CallOptions & { readonly recursive?: boolean } = {}): Promise<void> {
    const { recursive = false } = options;
    return this.#change(`Removing ${JSON.stringify(path)}`, options, () => ({
      case: 'fsRemove',
      value: { path: this.#at(path), recursive },
    }));
  }

  mkdir(path: string, options: CallOptions & { readonly recursive?: boolean } = {}): Promise<void> {
    const { recursive: parents = false } = options;
    return this.#change(`Making the folder ${JSON.stringify(path)}`, options, () => ({
      case: 'fsMkdir',
      value: { path: this.#at(path), parents },
    }));
  }

  #change(what: string, options: CallOptions, op: () => AskedOp): Promise<void> {
    return this.#do(what, options, async (signal) => {
      await this.#options.calls.ask(op(), { what, signal, changes: true, fence: options.fence });
    });
  }

  #ask<Op extends AskedOp>(op: Op, what: string, signal: AbortSignal) {
    return this.#options.calls.ask(op, { what, signal });
  }

  #readOne(path: string, what: string, signal: AbortSignal, offset: number, length: number) {
    const value = { path: this.#at(path), offset: BigInt(offset), length: BigInt(length) };
    return this.#ask({ case: 'fsRead', value }, what, signal);
  }

  async #download(path: string, { offset = 0, length }: FileRange, signal: AbortSignal): Promise<OpenedFile> {
    const { calls, frames, handle } = this.#options;
    const what = `Reading ${JSON.stringify(path)}`;
    const opId = randomUUID();
    const reader = new OpReader({ calls, frames, opId, what, ownStream: true });
    const range = { offset: BigInt(offset), length: BigInt(length ?? 0) };
    const op = { case: 'fsRead', value: { path: this.#at(path), ...range } } as const;
    return downloadOf({ reader, calls, handle, opId, what, op, signal });
  }

  #at(path: string): string {
    const relative = checkRelativePath(path);
    const { root } = this.#options;
    if (root === '') return relative;
    return relative === '' ? root : `${root.replace(/\/$/, '')}/${relative}`;
  }

  #do<T>(
    what: string,
    options: CallOptions | undefined,
    run: (signal: AbortSignal, progress: () => void) => Promise<T>,
  ): Promise<T> {
    return bounded(options, what, async (signal, call) => {
      const { handle } = this.#options;
      handle.ensureOpen();
      return run(AbortSignal.any([signal, handle.closed]), () => call.progress());
    });
  }
}

const KINDS: ReadonlyMap<FsEntryKind, FileKind> = new Map([
  [FsEntryKind.FILE, 'file'],
  [FsEntryKind.DIRECTORY, 'dir'],
  [FsEntryKind.SYMLINK, 'symlink'],
]);

/** An entry of the wire under the path by which it is known here. */
export function entryOf(entry: FsEntry, path: string): FileEntry {
  return {
    name: path === '' ? '' : path.slice(path.lastIndexOf('/') + 1),
    path,
    kind: KINDS.get(entry.kind) ?? 'other',
    sizeBytes: Number(entry.size),
    mode: entry.mode & 0o7777,
    modifiedAt: new Date(Number(entry.modifiedMs)),
    ...(entry.target === '' ? {} : { target: entry.target }),
  };
}

/** @throws SandboxError `invalid` */
export function checkRange(what: string, { offset = 0, length = 0 }: FileRange): void {
  const fits = (value: number) => Number.isSafeInteger(value) && value >= 0;
  if (fits(offset) && fits(length)) return;
  throw new SandboxError('invalid', `${what} was refused: a range is whole numbers from 0. Correct it.`, {
    started: 'no',
  });
}

export const tooLarge = (what: string, bytes: number, maxBytes: number) =>
  new SandboxError(
    'too-large',
    `${what}: it has ${bytes} bytes, more than the ${maxBytes} asked for. Read a range.`,
  );
