import { type Bytes, streamChunks } from '@boxyard/sandbox-core';

export interface SplitContent {
  readonly first: Bytes;
  /** Null when everything is in `first`. */
  readonly rest: AsyncGenerator<Bytes, void, void> | null;
}

/** What fits into one message, and what is left: most files are small, and one message is all they need. */
export async function splitContent(
  content: Bytes | ReadableStream<Bytes>,
  maxBytes: number,
  signal: AbortSignal,
  what: string,
): Promise<SplitContent> {
  if (content instanceof Uint8Array) {
    if (content.length <= maxBytes) return { first: content, rest: null };
    return { first: content.subarray(0, maxBytes), rest: pieces(content.subarray(maxBytes)) };
  }
  const chunks = streamChunks(content, signal, what);
  const parts: Bytes[] = [];
  let bytes = 0;
  while (bytes <= maxBytes) {
    const next = await chunks.next();
    if (next.done === true) return { first: new Uint8Array(Buffer.concat(parts)), rest: null };
    parts.push(next.value);
    bytes += next.value.length;
  }
  return { first: new Uint8Array(Buffer.concat(parts)), rest: chunks };
}

async function* pieces(bytes: Bytes): AsyncGenerator<Bytes, void, void> {
  yield bytes;
}
