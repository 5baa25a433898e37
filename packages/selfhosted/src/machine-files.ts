// Files of the machine below one folder: small ones in one reply, large ones as ops, one descriptor each.
import { randomUUID } from 'node:crypto';
import {
  type BoxFiles,
  type Bytes,
  type CallOptions,
  checkRelativePath,
  type FileEntry,
  type FileRange,
  joinPath,
  type OpenedFile,
  streamChunks,
  type WriteOptions,
  type WrittenFile,
} from '@boxyard/sandbox-core';
import { ChunkedUpload } from './chunked-upload.ts';
import { downloadOf } from './download.ts';
import type { AskedOp } from './machine-calls.ts';
import { OpReader } from './op-reader.ts';
import { checkRange, entryOf, type MachineFilesOptions, RootedFiles, tooLarge } from './rooted-files.ts';
import { splitContent } from './split-content.ts';

/** Of an agent that serves a whole box. */
export class MachineFiles extends RootedFiles<MachineFilesOptions> implements BoxFiles {
  read(path: string, options: CallOptions & FileRange & { readonly maxBytes?: number } = {}): Promise<Bytes> {
    const what = `Reading ${JSON.stringify(path)}`;
    return this.call(what, options, async (signal, progress) => {
      const { offset = 0, length, maxBytes = Number.POSITIVE_INFINITY } = options;
      checkRange(what, options);
      const inOne = this.options.maxChunkBytes();
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
    return this.call(what, options, async (signal) => {
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
    return this.call(what, options, async (signal, progress) => {
      const at = this.placeOf(path);
      const { first, rest } = await splitContent(content, this.options.maxChunkBytes(), signal, what);
      const { mode, createParents = false, ifAbsent = false, ifVersion, expectedSha256, fence } = options;
      const terms = {
        ifAbsent,
        ifVersion: ifVersion ?? '',
        expectedSha256: expectedSha256 ?? '',
        setMode: mode !== undefined,
      };
      const { calls } = this.options;
      if (rest === null) {
        const op = {
          case: 'fsWrite',
          value: { path: at, content: first, createParents, mode: mode ?? 0, terms },
        } as const;
        const { version } = await calls.ask(op, { what, signal, changes: true, fence });
        return { version, sizeBytes: first.length };
      }
      const upload = new ChunkedUpload({ calls, what, signal, maxChunkBytes: this.options.maxChunkBytes });
      const begin = { path: at, createParents, mode: mode ?? 0, terms };
      return upload.send({ op: { case: 'fsWrite', value: begin } }, first, rest, fence, progress);
    });
  }

  version(path: string, options?: CallOptions): Promise<string | null> {
    const what = `Reading the version of ${JSON.stringify(path)}`;
    return this.call(what, options, async (signal) => {
      const { version } = await this.#ask(
        { case: 'fsVersion', value: { path: this.placeOf(path) } },
        what,
        signal,
      );
      return version === '' ? null : version;
    });
  }

  list(path: string, options?: CallOptions): Promise<readonly FileEntry[]> {
    const what = `Listing ${JSON.stringify(path)}`;
    return this.call(what, options, async (signal, progress) => {
      const folder = checkRelativePath(path);
      const entries: FileEntry[] = [];
      for (let afterName = ''; ; ) {
        const value = { path: this.placeOf(path), paged: true, afterName };
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
    return this.change(`Moving ${JSON.stringify(from)}`, options, () => ({
      case: 'fsMove',
      value: { from: this.placeOf(from), to: this.placeOf(to), overwrite, createParents },
    }));
  }

  #ask<Op extends AskedOp>(op: Op, what: string, signal: AbortSignal) {
    return this.options.calls.ask(op, { what, signal });
  }

  #readOne(path: string, what: string, signal: AbortSignal, offset: number, length: number) {
    const value = { path: this.placeOf(path), offset: BigInt(offset), length: BigInt(length) };
    return this.#ask({ case: 'fsRead', value }, what, signal);
  }

  async #download(path: string, { offset = 0, length }: FileRange, signal: AbortSignal): Promise<OpenedFile> {
    const { calls, frames, handle } = this.options;
    const what = `Reading ${JSON.stringify(path)}`;
    const opId = randomUUID();
    const reader = new OpReader({ calls, frames, opId, what, ownStream: true });
    const range = { offset: BigInt(offset), length: BigInt(length ?? 0) };
    const op = { case: 'fsRead', value: { path: this.placeOf(path), ...range } } as const;
    return downloadOf({ reader, calls, handle, opId, what, op, signal });
  }
}
