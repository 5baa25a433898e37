import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import {
  type Bytes,
  type FileRange,
  type OpenedFile,
  SandboxError,
  throwIfAborted,
} from '@boxyard/sandbox-core';
import { sandboxErrorFromFs } from '@boxyard/sandbox-core/jailed-folder';
import { contentVersion, MAX_HASHED_BYTES, readFrom, statVersion } from './file-version.ts';

// Larger ones gain nothing from a local disk, smaller ones cost a thread's turn more often.
const CHUNK_BYTES = 256 * 1024;

/** What `read` holds in memory at most when its caller names no bound. */
export const DEFAULT_MAX_READ_BYTES = 256 * 1024 * 1024;

export interface CheckedRange {
  readonly offset: number;
  readonly length: number;
}

/** @throws SandboxError `invalid` for what is no non-negative whole number. */
export function checkRange(range: FileRange): CheckedRange {
  const { offset = 0, length = Number.MAX_SAFE_INTEGER } = range;
  for (const [name, value] of Object.entries({ offset, length })) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw new SandboxError(
      'invalid',
      `The range is refused: ${name} is ${value}. Give whole bytes from 0 on.`,
      {
        started: 'no',
      },
    );
  }
  return { offset, length };
}

/** The bytes of the range, as far as the file has them. */
export async function readRange(
  handle: FileHandle,
  range: CheckedRange,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Bytes> {
  const { size } = await handle.stat();
  const length = Math.max(0, Math.min(range.length, size - range.offset));
  if (length > maxBytes) {
    throw new SandboxError(
      'too-large',
      `Reading ${length} bytes at once is refused: ${maxBytes} are allowed. Read a range, or open a stream.`,
      { started: 'no' },
    );
  }
  return readFrom(handle, range.offset, length, signal);
}

/**
 * A stream of the range in constant memory, with the version of what it delivers. Owns the handle: it is closed
 * when the stream ends, fails, is cancelled, or `signal` aborts.
 */
export async function streamRange(
  handle: FileHandle,
  range: CheckedRange,
  signals: { readonly opening: AbortSignal; readonly reading: AbortSignal | undefined },
): Promise<OpenedFile> {
  const before = await handle.stat({ bigint: true });
  const sizeBytes = Number(before.size);
  const end = Math.min(sizeBytes, range.offset + range.length);
  if (sizeBytes <= MAX_HASHED_BYTES) {
    const content = await readFrom(handle, 0, sizeBytes, signals.opening);
    await handle.close();
    const version = contentVersion(createHash('sha256').update(content).digest('hex'));
    return { stream: streamOf(content.subarray(range.offset, end)), version, sizeBytes: content.length };
  }

  let position = range.offset;
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    signals.reading?.removeEventListener('abort', onAbort);
    await handle.close();
  };
  let fail: (error: unknown) => void = () => undefined;
  const onAbort = () => {
    fail(abortError(signals.reading));
    // A read that is under way keeps the descriptor; closing waits for it.
    void close();
  };
  const stream = new ReadableStream<Bytes>(
    {
      start(controller) {
        fail = (error) => controller.error(error);
        signals.reading?.addEventListener('abort', onAbort, { once: true });
      },
      async pull(controller) {
        try {
          const step = Math.min(CHUNK_BYTES, end - position);
          if (step > 0) {
            const { bytesRead, buffer } = await handle.read(new Uint8Array(step), 0, step, position);
            position += bytesRead;
            if (bytesRead === 0) throw changedMeanwhile();
            controller.enqueue(buffer.subarray(0, bytesRead));
          }
          if (position < end) return;
          const after = await handle.stat({ bigint: true });
          // Growth alone is an append, as a log does it: the bytes before it are what they were.
          if (after.size === before.size && after.mtimeNs !== before.mtimeNs) throw changedMeanwhile();
          if (after.size < before.size) throw changedMeanwhile();
          await close();
          controller.close();
        } catch (error) {
          await close().catch(() => undefined);
          throw closed && signals.reading?.aborted
            ? abortError(signals.reading)
            : sandboxErrorFromFs(error, 'Reading on');
        }
      },
      cancel: close,
    },
    // Nothing is read before somebody asks for it.
    { highWaterMark: 0 },
  );
  return { stream, version: statVersion(before), sizeBytes };
}

function streamOf(bytes: Bytes): ReadableStream<Bytes> {
  return new ReadableStream<Bytes>({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}

function abortError(signal: AbortSignal | undefined): unknown {
  try {
    throwIfAborted(signal, 'Reading on');
  } catch (error) {
    return error;
  }
  return undefined;
}

function changedMeanwhile(): SandboxError {
  return new SandboxError(
    'conflict',
    'Reading on failed: the file was changed in place meanwhile. Read it anew.',
    { retryable: true },
  );
}
