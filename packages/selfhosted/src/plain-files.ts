// Files of a machine whose agent knows nothing but single requests: large ones are read in ranges and compared with
// what the file was before, and written to a temporary sibling that takes the file's place at the end.
import { createHash, randomUUID } from 'node:crypto';
import {
  type BoxFiles,
  type Bytes,
  type CallOptions,
  checkRelativePath,
  type FileEntry,
  type FileRange,
  joinPath,
  type OpenedFile,
  SandboxError,
  splitPath,
  type WriteOptions,
  type WrittenFile,
} from '@boxyard/sandbox-core';
import { checkRange, entryOf, type MachineFilesOptions, RootedFiles, tooLarge } from './rooted-files.ts';
import { splitContent } from './split-content.ts';

/** Some agents take no more at once, whatever their bus does. */
const RANGE_BYTES = 512 * 1024;
/** How often a file that changes while it is read is read anew. */
const READ_TRIES = 5;
const CLEAN_UP_MS = 60_000;

export class PlainFiles extends RootedFiles<Omit<MachineFilesOptions, 'frames'>> implements BoxFiles {
  read(path: string, options: CallOptions & FileRange & { readonly maxBytes?: number } = {}): Promise<Bytes> {
    const what = `Reading ${JSON.stringify(path)}`;
    return this.call(what, options, async (signal, progress) => {
      checkRange(what, options);
      return (await this.#whole(path, what, options, signal, progress)).bytes;
    });
  }

  open(path: string, options: CallOptions & FileRange = {}): Promise<OpenedFile> {
    const what = `Opening ${JSON.stringify(path)}`;
    return this.call(what, options, async (signal, progress) => {
      checkRange(what, options);
      const { bytes, version, sizeBytes } = await this.#whole(path, what, options, signal, progress);
      const stream = new ReadableStream<Bytes>({
        start(controller) {
          if (bytes.length > 0) controller.enqueue(bytes);
          controller.close();
        },
      });
      return { stream, version, sizeBytes };
    });
  }

  write(
    path: string,
    content: Bytes | ReadableStream<Bytes>,
    options: WriteOptions = {},
  ): Promise<WrittenFile> {
    const what = `Writing ${JSON.stringify(path)}`;
    return this.call(what, options, async (signal, progress) => {
      const { createParents = false, expectedSha256, ifAbsent = false, ifVersion, fence } = options;
      const target = checkRelativePath(path);
      if (ifVersion !== undefined && (await this.#version(path, what, signal)) !== ifVersion) {
        throw new SandboxError('precondition-failed', `${what} was refused: it is another version by now.`, {
          started: 'no',
        });
      }
      const split = splitPath(target);
      if (split === null)
        throw new SandboxError('invalid', `${what} was refused: it is the root.`, { started: 'no' });
      const { first, rest } = await splitContent(content, this.#chunkBytes(), signal, what);
      const temporary = joinPath(split.folder, `.boxyard-${randomUUID()}`);
      const hash = createHash('sha256');
      let sizeBytes = 0;
      let placed = false;
      const put = async (bytes: Bytes, append: boolean) => {
        hash.update(bytes);
        sizeBytes += bytes.length;
        const value = {
          path: this.placeOf(temporary),
          content: bytes,
          append,
          createParents,
          mode: options.mode ?? 0,
        };
        await this.options.calls.ask({ case: 'fsWrite', value }, { what, signal, changes: true, fence });
        progress();
      };
      try {
        await put(first, false);
        if (rest !== null) {
          for await (const bytes of rest) {
            for (let at = 0; at < bytes.length; at += this.#chunkBytes()) {
              await put(bytes.subarray(at, at + this.#chunkBytes()), true);
            }
          }
        }
        const sha256 = hash.digest('hex');
        if (expectedSha256 !== undefined && expectedSha256 !== sha256) {
          throw new SandboxError('invalid', `${what} was refused: its digest is another. Send it again.`);
        }
        await this.#assertArrived(temporary, sha256, sizeBytes, what, signal, progress);
        const move = { from: this.placeOf(temporary), to: this.placeOf(target), overwrite: !ifAbsent };
        await this.options.calls.ask({ case: 'fsMove', value: move }, { what, signal, changes: true, fence });
        placed = true;
        const version = await this.#version(path, what, signal);
        return { sizeBytes, version: version ?? '' };
      } finally {
        if (!placed) this.#cleanUp(temporary);
      }
    });
  }

  version(path: string, options?: CallOptions): Promise<string | null> {
    const what = `Reading the version of ${JSON.stringify(path)}`;
    return this.call(what, options, (signal) => this.#version(path, what, signal));
  }

  list(path: string, options?: CallOptions): Promise<readonly FileEntry[]> {
    const what = `Listing ${JSON.stringify(path)}`;
    return this.call(what, options, async (signal) => {
      const folder = checkRelativePath(path);
      const op = { case: 'fsList', value: { path: this.placeOf(path) } } as const;
      const { entries } = await this.options.calls.ask(op, { what, signal });
      return entries.map((entry) => entryOf(entry, joinPath(folder, entry.name)));
    });
  }

  move(
    from: string,
    to: string,
    options: CallOptions & { readonly overwrite?: boolean; readonly createParents?: boolean } = {},
  ): Promise<void> {
    return this.call(`Moving ${JSON.stringify(from)}`, options, async (signal) => {
      const { overwrite = false, createParents = false, fence } = options;
      const what = `Moving ${JSON.stringify(from)}`;
      const folder = splitPath(checkRelativePath(to))?.folder ?? '';
      const asked = { what, signal, changes: true, fence };
      if (createParents && folder !== '') {
        await this.options.calls.ask(
          { case: 'fsMkdir', value: { path: this.placeOf(folder), parents: true } },
          asked,
        );
      }
      const value = { from: this.placeOf(from), to: this.placeOf(to), overwrite };
      await this.options.calls.ask({ case: 'fsMove', value }, asked);
    });
  }

  /** The range of one moment: what changed meanwhile is read anew. */
  async #whole(
    path: string,
    what: string,
    { offset = 0, length, maxBytes = Number.POSITIVE_INFINITY }: FileRange & { readonly maxBytes?: number },
    signal: AbortSignal,
    progress: () => void,
  ): Promise<{ readonly bytes: Bytes; readonly version: string; readonly sizeBytes: number }> {
    for (let tries = 1; tries <= READ_TRIES; tries++) {
      const before = await this.#version(path, what, signal);
      const parts: Uint8Array[] = [];
      let have = 0;
      let wanted = length ?? Number.POSITIVE_INFINITY;
      let sizeBytes = 0;
      do {
        const ask = Math.max(1, Math.min(this.#chunkBytes(), wanted - have));
        const value = { path: this.placeOf(path), offset: BigInt(offset + have), length: BigInt(ask) };
        const { content, totalSize } = await this.options.calls.ask(
          { case: 'fsRead', value },
          { what, signal },
        );
        progress();
        sizeBytes = Number(totalSize);
        wanted = Math.min(wanted, Math.max(0, sizeBytes - offset));
        if (wanted > maxBytes) throw tooLarge(what, wanted, maxBytes);
        if (content.length === 0) break;
        parts.push(content);
        have += content.length;
      } while (have < wanted);
      const after = await this.#version(path, what, signal);
      const bytes = new Uint8Array(Buffer.concat(parts).subarray(0, Math.min(have, wanted)));
      if (after !== null && after === before && bytes.length === wanted)
        return { bytes, version: after, sizeBytes };
    }
    throw new SandboxError('conflict', `${what}: it changes all the time. Read it when it rests.`, {
      retryable: true,
    });
  }

  async #assertArrived(
    temporary: string,
    sha256: string,
    sizeBytes: number,
    what: string,
    signal: AbortSignal,
    progress: () => void,
  ): Promise<void> {
    const { bytes } = await this.#whole(temporary, what, {}, signal, progress);
    if (bytes.length === sizeBytes && createHash('sha256').update(bytes).digest('hex') === sha256) return;
    throw new SandboxError('unreachable', `${what}: it did not arrive as it was sent. Send it again.`, {
      retryable: true,
    });
  }

  async #version(path: string, what: string, signal: AbortSignal): Promise<string | null> {
    const entry = await this.look(path, what, signal);
    return entry === null ? null : `st-${entry.modifiedAt.getTime()}000000-${entry.sizeBytes}-0`;
  }

  #cleanUp(temporary: string): void {
    const op = { case: 'fsRemove', value: { path: this.placeOf(temporary), recursive: false } } as const;
    const asked = {
      what: 'Removing what was begun',
      signal: AbortSignal.timeout(CLEAN_UP_MS),
      changes: true,
    };
    this.options.calls.ask(op, asked).catch(() => undefined);
  }

  #chunkBytes(): number {
    return Math.min(RANGE_BYTES, this.options.maxChunkBytes());
  }
}
