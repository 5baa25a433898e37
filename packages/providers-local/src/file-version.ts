import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Bytes } from '@boxyard/sandbox-core';
import { SandboxError, throwIfAborted } from '@boxyard/sandbox-core';

/** Up to here a version is the content's digest: 8 MiB are hashed in some 10 ms. */
export const MAX_HASHED_BYTES = 8 * 1024 * 1024;

const STEP_BYTES = 1024 * 1024;

export function contentVersion(sha256: string): string {
  return `sha256-${sha256}`;
}

/** For what is too large to be read only to be named. */
export function statVersion(stats: BigIntStats): string {
  return `st-${stats.mtimeNs}-${stats.size}-${stats.ino}`;
}

/** The version of an open file. */
export async function versionOf(handle: FileHandle, signal: AbortSignal): Promise<string> {
  const stats = await handle.stat({ bigint: true });
  if (stats.size > BigInt(MAX_HASHED_BYTES)) return statVersion(stats);
  const content = await readFrom(handle, 0, Number(stats.size), signal);
  return contentVersion(createHash('sha256').update(content).digest('hex'));
}

/** Up to `length` bytes from `offset` on; fewer when the file ends before. */
export async function readFrom(
  handle: FileHandle,
  offset: number,
  length: number,
  signal: AbortSignal,
): Promise<Bytes> {
  let bytes: Bytes;
  try {
    bytes = new Uint8Array(length);
  } catch (error) {
    throw new SandboxError(
      'too-large',
      `Reading ${length} bytes at once failed. Open the file as a stream.`,
      {
        cause: error,
        started: 'no',
      },
    );
  }
  let filled = 0;
  while (filled < length) {
    throwIfAborted(signal, 'Reading');
    const step = Math.min(STEP_BYTES, length - filled);
    const { bytesRead } = await handle.read(bytes, filled, step, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled === length ? bytes : bytes.slice(0, filled);
}
