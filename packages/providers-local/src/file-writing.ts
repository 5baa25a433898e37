import { createHash, type Hash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, link, lstat, open, rename, unlink } from 'node:fs/promises';
import {
  type BoundedCall,
  type Bytes,
  SandboxError,
  streamBlocks,
  throwIfAborted,
  type WriteOptions,
  type WrittenFile,
} from '@boxyard/sandbox-core';
import { fsErrorName, type HeldFolder } from '@boxyard/sandbox-core/jailed-folder';
import { contentVersion, MAX_HASHED_BYTES, statVersion, versionOf } from './file-version.ts';
import { withPathLock } from './path-lock.ts';
import { temporaryName } from './temporary-name.ts';

/** Of a file that is made. */
export const DEFAULT_MODE = 0o644;

interface Received {
  readonly sizeBytes: number;
  /** Null when it is longer than what is hashed and nobody asked. */
  readonly sha256: string | null;
}

/**
 * Writes beside the name and puts it in place with one rename (or one link, for `ifAbsent`). Not flushed to the
 * disk: after a power cut the old file or the new one is there, or an empty one on some file systems.
 */
export async function writeFileAtomically(
  folder: HeldFolder,
  name: string,
  content: Bytes | ReadableStream<Bytes>,
  options: WriteOptions,
  call: { readonly signal: AbortSignal; readonly progress: BoundedCall['progress'] },
): Promise<WrittenFile> {
  const { signal } = call;
  const existing = await lookAt(folder, name);
  // Before a long upload rather than after it; both are judged again at the end.
  if (existing !== null && options.ifAbsent) throw nameTaken(name);
  if (options.ifVersion !== undefined) await demandVersion(folder, name, options.ifVersion, signal);

  const temporary = temporaryName();
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  // Nobody else reads it before its mode is the real one.
  const handle = await open(folder.at(temporary), flags, 0o600);
  try {
    let written: WrittenFile;
    try {
      const received = await receive(handle, content, options.expectedSha256 !== undefined, call);
      demandDigest(received, options.expectedSha256, name);
      if (existing !== null) await keepOwner(handle, existing);
      await handle.chmod(options.mode ?? (existing === null ? DEFAULT_MODE : existing.mode & 0o7777));
      written = { sizeBytes: received.sizeBytes, version: await writtenVersion(handle, received) };
    } finally {
      await handle.close();
    }
    const lock = { betweenProcesses: options.ifVersion !== undefined, signal };
    await withPathLock(folder, name, lock, async () => {
      if (options.ifVersion !== undefined) await demandVersion(folder, name, options.ifVersion, signal);
      throwIfAborted(signal, `Writing ${JSON.stringify(name)}`);
      await putInPlace(folder, temporary, name, options.ifAbsent === true);
    });
    return written;
  } catch (error) {
    await unlink(folder.at(temporary)).catch(() => undefined);
    throw error;
  }
}

/** Null when there is nothing. @throws SandboxError `invalid` for what is no file. */
export async function lookAt(folder: HeldFolder, name: string): Promise<Stats | null> {
  const stats = await lstat(folder.at(name)).catch((error) => {
    if (fsErrorName(error) === 'ENOENT') return null;
    throw error;
  });
  if (stats === null || stats.isFile() || stats.isSymbolicLink()) return stats;
  throw new SandboxError(
    'invalid',
    `Writing ${JSON.stringify(name)} is refused: ${stats.isDirectory() ? 'a folder' : 'something that is no file'} has that name. Choose another.`,
    { started: 'no' },
  );
}

async function receive(
  handle: FileHandle,
  content: Bytes | ReadableStream<Bytes>,
  digestAsked: boolean,
  call: { readonly signal: AbortSignal; readonly progress: BoundedCall['progress'] },
): Promise<Received> {
  let hash: Hash | null = createHash('sha256');
  let sizeBytes = 0;
  const take = async (chunk: Bytes) => {
    for (let done = 0; done < chunk.length; ) {
      done += (await handle.write(chunk, done, chunk.length - done)).bytesWritten;
    }
    sizeBytes += chunk.length;
    if (!digestAsked && sizeBytes > MAX_HASHED_BYTES) hash = null;
    hash?.update(chunk);
  };
  if (content instanceof ReadableStream) {
    for await (const chunk of streamBlocks(content, call.signal, 'Writing')) {
      await take(chunk);
      call.progress();
    }
  } else {
    await take(content);
  }
  return { sizeBytes, sha256: hash === null ? null : hash.digest('hex') };
}

function demandDigest(received: Received, expected: string | undefined, name: string): void {
  if (expected === undefined || received.sha256 === expected.toLowerCase()) return;
  throw new SandboxError(
    'invalid',
    `Writing ${JSON.stringify(name)} failed: the ${received.sizeBytes} bytes that came have the SHA-256 ${received.sha256}, not the expected one. Send them again.`,
    { started: 'no' },
  );
}

/** A server that runs as root must not take a file away from the user whose box it is. */
async function keepOwner(handle: FileHandle, existing: Stats): Promise<void> {
  const { uid, gid } = await handle.stat();
  if (uid === existing.uid && gid === existing.gid) return;
  await handle.chown(existing.uid, existing.gid).catch((error) => {
    if (fsErrorName(error) !== 'EPERM') throw error;
  });
}

async function writtenVersion(handle: FileHandle, received: Received): Promise<string> {
  if (received.sizeBytes <= MAX_HASHED_BYTES && received.sha256 !== null)
    return contentVersion(received.sha256);
  return statVersion(await handle.stat({ bigint: true }));
}

async function demandVersion(
  folder: HeldFolder,
  name: string,
  expected: string,
  signal: AbortSignal,
): Promise<void> {
  const present = await presentVersion(folder, name, signal);
  if (present === expected) return;
  throw new SandboxError(
    'precondition-failed',
    `Writing ${JSON.stringify(name)} is refused: ${present === null ? 'it does not exist' : `its version is ${present}`}. Read it again and repeat the change.`,
    { started: 'no' },
  );
}

async function presentVersion(folder: HeldFolder, name: string, signal: AbortSignal): Promise<string | null> {
  let handle: FileHandle;
  try {
    handle = await open(folder.at(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (fsErrorName(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    return await versionOf(handle, signal);
  } finally {
    await handle.close();
  }
}

async function putInPlace(folder: HeldFolder, from: string, to: string, ifAbsent: boolean): Promise<void> {
  if (!ifAbsent) {
    // A link may have come to the name meanwhile; the rename replaces it and follows nothing.
    await rename(folder.at(from), folder.at(to));
    return;
  }
  await link(folder.at(from), folder.at(to)).catch((error) => {
    throw fsErrorName(error) === 'EEXIST' ? nameTaken(to) : error;
  });
  await unlink(folder.at(from));
}

function nameTaken(name: string): SandboxError {
  return new SandboxError(
    'conflict',
    `Writing ${JSON.stringify(name)} is refused: the name exists already. Choose another, or leave out ifAbsent.`,
    { started: 'no' },
  );
}
