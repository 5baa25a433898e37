import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type BlobCall,
  type BlobStore,
  type Bytes,
  bounded,
  type ListedBlob,
  SandboxError,
  type StoredBlob,
  streamChunks,
  throwIfAborted,
} from '@boxyard/sandbox-core';
import { fsErrorName, sandboxErrorFromFs } from '@boxyard/sandbox-core/jailed-folder';
import { isUnfinished, keySegments, unfinishedName } from './blob-key.ts';

const CHUNK_BYTES = 256 * 1024;

// A transfer writes all the time, so an hour of silence means that its process is dead.
const STALE_AFTER_MS = 3_600_000;

export interface FolderBlobStoreOptions {
  /** Absolute path; made on the first `put`, readable for its owner only. */
  readonly dir: string;
}

/** Blobs as files of a folder. */
export function folderBlobStore(options: FolderBlobStoreOptions): BlobStore {
  return new FolderBlobStore(options.dir);
}

class FolderBlobStore implements BlobStore {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async put(key: string, content: ReadableStream<Bytes>, options: BlobCall = {}): Promise<StoredBlob> {
    try {
      const segments = keySegments(key);
      return await this.#call(`Storing the blob ${key}`, options, (signal, progress) =>
        this.#put(segments, content, signal, progress),
      );
    } catch (error) {
      // Whoever feeds the stream learns that nobody takes more of it.
      if (!content.locked) content.cancel(error).catch(() => undefined);
      throw error;
    }
  }

  async open(key: string, options: BlobCall = {}): Promise<ReadableStream<Bytes> | null> {
    const path = join(this.#dir, ...keySegments(key));
    return this.#call(`Opening the blob ${key}`, options, async () => {
      const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(nullWhenAbsent);
      if (handle === null) return null;
      if ((await handle.stat()).isFile()) return streamOf(handle, options.signal);
      await handle.close();
      return null;
    });
  }

  async delete(key: string, options: BlobCall = {}): Promise<void> {
    const path = join(this.#dir, ...keySegments(key));
    await this.#call(`Deleting the blob ${key}`, options, async () => {
      await unlink(path).catch((error) => {
        // A folder is no blob, so there is none of that name.
        if (['EISDIR', 'EPERM'].includes(fsErrorName(error))) return;
        nullWhenAbsent(error);
      });
      await syncFolder(dirname(path)).catch(nullWhenAbsent);
    });
  }

  async *list(prefix: string, options: BlobCall = {}): AsyncGenerator<ListedBlob, void, void> {
    try {
      yield* blobsBelow(this.#dir, '', prefix, options.signal);
    } catch (error) {
      throw sandboxErrorFromFs(error, `Listing the blobs below ${JSON.stringify(prefix)}`);
    }
  }

  async #put(
    segments: readonly string[],
    content: ReadableStream<Bytes>,
    signal: AbortSignal,
    progress: () => void,
  ): Promise<StoredBlob> {
    const path = join(this.#dir, ...segments);
    const folder = dirname(path);
    await this.#makeFolders(segments.slice(0, -1));
    await sweep(folder);
    const half = join(folder, unfinishedName(randomUUID()));
    const handle = await open(half, 'wx', 0o600);
    try {
      const stored = await receive(handle, content, signal, progress);
      throwIfAborted(signal, 'Storing');
      // Before the name is there: after a power cut it must not name an empty or half file.
      await rename(half, path);
      await syncFolder(folder);
      return stored;
    } catch (error) {
      await unlink(half).catch(() => undefined);
      throw error;
    }
  }

  async #makeFolders(segments: readonly string[]): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    // Also one that was there already with wider permissions: archives hold what people keep in their boxes.
    await chmod(this.#dir, 0o700);
    let path = this.#dir;
    for (const segment of segments) {
      path = join(path, segment);
      await mkdir(path, { mode: 0o700 }).catch((error) => {
        if (fsErrorName(error) !== 'EEXIST') throw error;
      });
      await syncFolder(dirname(path));
    }
  }

  async #call<T>(
    what: string,
    options: BlobCall,
    run: (signal: AbortSignal, progress: () => void) => Promise<T>,
  ): Promise<T> {
    return bounded({ signal: options.signal }, what, (signal, { progress }) =>
      run(signal, progress).catch((error) => {
        throw sandboxErrorFromFs(error, what);
      }),
    );
  }
}

async function receive(
  handle: FileHandle,
  content: ReadableStream<Bytes>,
  signal: AbortSignal,
  progress: () => void,
): Promise<StoredBlob> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    for await (const chunk of streamChunks(content, signal, 'Storing')) {
      for (let done = 0; done < chunk.length; ) {
        done += (await handle.write(chunk, done, chunk.length - done)).bytesWritten;
      }
      hash.update(chunk);
      sizeBytes += chunk.length;
      progress();
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

/** A new name survives a power cut only once its folder is on the disk. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function sweep(folder: string): Promise<void> {
  for (const name of (await readdir(folder)).filter(isUnfinished)) {
    const stats = await lstat(join(folder, name)).catch(() => null);
    if (stats !== null && Date.now() - stats.mtimeMs > STALE_AFTER_MS) {
      await unlink(join(folder, name)).catch(() => undefined);
    }
  }
}

async function* blobsBelow(
  dir: string,
  path: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListedBlob, void, void> {
  const entries = await readdir(join(dir, path), { withFileTypes: true }).catch(nullWhenAbsent);
  for (const entry of entries ?? []) {
    throwIfAborted(signal, 'Listing blobs');
    const key = path === '' ? entry.name : `${path}/${entry.name}`;
    const folder = `${key}/`;
    if (entry.isDirectory() && (folder.startsWith(prefix) || prefix.startsWith(folder))) {
      yield* blobsBelow(dir, key, prefix, signal);
    }
    if (!entry.isFile() || isUnfinished(entry.name) || !key.startsWith(prefix)) continue;
    const stats = await lstat(join(dir, key)).catch(nullWhenAbsent);
    if (stats !== null) yield { key, sizeBytes: stats.size, modifiedAt: stats.mtime };
  }
}

/** Reads on when asked, from one descriptor, so that a blob which is replaced or deleted meanwhile stays whole. */
function streamOf(handle: FileHandle, signal: AbortSignal | undefined): ReadableStream<Bytes> {
  let onAbort: () => void = () => undefined;
  let closing: Promise<void> | null = null;
  const close = () => {
    signal?.removeEventListener('abort', onAbort);
    closing ??= handle.close();
    return closing;
  };
  return new ReadableStream<Bytes>(
    {
      start(controller) {
        onAbort = () => {
          controller.error(new SandboxError('cancelled', 'Reading the blob was cancelled by its caller.'));
          void close();
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        if (signal?.aborted) onAbort();
      },
      async pull(controller) {
        try {
          const { bytesRead, buffer } = await handle.read(new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES, null);
          if (bytesRead > 0) {
            controller.enqueue(buffer.subarray(0, bytesRead));
            return;
          }
          await close();
          controller.close();
        } catch (error) {
          await close().catch(() => undefined);
          throw sandboxErrorFromFs(error, 'Reading the blob');
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
}

function nullWhenAbsent(error: unknown): null {
  if (['ENOENT', 'ENOTDIR'].includes(fsErrorName(error))) return null;
  throw error;
}
