// Content on its way into a box: held while it is small, else taken as it comes.
import { type Bytes, streamChunks } from '@boxyard/sandbox-core';

export type Received =
  | { readonly kind: 'small'; readonly bytes: Bytes }
  | {
      readonly kind: 'large';
      readonly chunks: AsyncIterable<Bytes>;
      /** Null when only its end will tell. */
      readonly sizeBytes: number | null;
    };

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
    return { kind: 'large', chunks: once(content), sizeBytes: content.length };
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
  return { kind: 'large', chunks: joined(held, chunks), sizeBytes: null };
}

async function* once(content: Bytes): AsyncGenerator<Bytes> {
  yield content;
}

async function* joined(held: readonly Bytes[], rest: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  yield* held;
  yield* rest;
}
