// Content on its way into a box: held while it is small, else streamed into a staged file.
import { createHash } from 'node:crypto';
import { type Bytes, streamChunks, throwIfAborted } from '@boxyard/sandbox-core';
import { exitCodeOf, notTaken, type OpenBoxStream } from './exec-stream.ts';
import type { FilesPlace } from './files-link.ts';
import { WRITE_STREAM } from './files-script.ts';

// What one write to the transport takes: each costs a turn of the engine, whatever its length.
const STEP_BYTES = 1024 * 1024;

export type Received =
  | { readonly kind: 'small'; readonly bytes: Bytes }
  | { readonly kind: 'large'; readonly chunks: AsyncIterable<Bytes> };

/** Reads until it is clear whether the content is more than `smallBytes`. */
export async function receiveContent(
  content: Bytes | ReadableStream<Bytes>,
  smallBytes: number,
  signal: AbortSignal,
  what: string,
  progress: () => void,
): Promise<Received> {
  if (content instanceof Uint8Array) {
    if (content.length <= smallBytes) return { kind: 'small', bytes: content.slice() };
    return { kind: 'large', chunks: once(content) };
  }
  const chunks = streamChunks(content, signal, what);
  const held: Bytes[] = [];
  let length = 0;
  while (length <= smallBytes) {
    const next = await chunks.next();
    progress();
    if (next.done) return { kind: 'small', bytes: new Uint8Array(Buffer.concat(held)) };
    held.push(next.value);
    length += next.value.length;
  }
  return { kind: 'large', chunks: joined(held, chunks) };
}

/** Streams into the staged file; what was taken is told by its size, and up to `hashedBytes` by its digest. */
export async function uploadContent(
  { place, openStream }: { readonly place: FilesPlace; readonly openStream: OpenBoxStream },
  staged: string,
  chunks: AsyncIterable<Bytes>,
  signal: AbortSignal,
  what: string,
  progress: () => void,
  hashedBytes: number,
): Promise<{ readonly sha256: string | null; readonly sizeBytes: number }> {
  const argv = ['/bin/sh', '-c', WRITE_STREAM, 'boxyard', `${place.stageDir}/${staged}`] as const;
  const stream = await openStream(argv, signal);
  const stop = () => stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for await (const part of gathered(chunks)) {
      throwIfAborted(signal, what);
      await stream.write(part).catch(async (cause: unknown) => {
        throwIfAborted(signal, what);
        throw await notTaken(stream, what, cause);
      });
      // While the engine takes it, and only as far as somebody asks for it: it costs as much as the way there.
      if (sizeBytes <= hashedBytes) hash.update(part);
      sizeBytes += part.length;
      progress();
    }
    stream.end();
    for await (const _ of stream.stdout);
    throwIfAborted(signal, what);
    if ((await exitCodeOf(stream)) !== 0) throw await notTaken(stream, what);
    return { sha256: sizeBytes <= hashedBytes ? hash.digest('hex') : null, sizeBytes };
  } finally {
    signal.removeEventListener('abort', stop);
    stream.destroy();
  }
}

/** The same bytes in parts of about one step. */
async function* gathered(chunks: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  let held: Bytes[] = [];
  let heldBytes = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += STEP_BYTES) {
      const part = chunk.subarray(at, at + STEP_BYTES);
      held.push(part);
      heldBytes += part.length;
      if (heldBytes < STEP_BYTES) continue;
      yield held.length === 1 ? part : new Uint8Array(Buffer.concat(held));
      held = [];
      heldBytes = 0;
    }
  }
  if (heldBytes > 0) yield new Uint8Array(Buffer.concat(held));
}

async function* once(content: Bytes): AsyncGenerator<Bytes> {
  yield content;
}

async function* joined(held: readonly Bytes[], rest: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  yield* held;
  yield* rest;
}
