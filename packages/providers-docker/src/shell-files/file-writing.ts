// Content on its way into a box: held while it is small, else taken as it comes.
import { type Bytes, SandboxError, streamChunks } from '@boxyard/sandbox-core';

export type Received =
  | { readonly kind: 'small'; readonly bytes: Bytes }
  | {
      readonly kind: 'large';
      readonly chunks: AsyncIterable<Bytes>;
      /** Null when only its end will tell. */
      readonly sizeBytes: number | null;
    };

export interface Receiving {
  readonly smallBytes: number;
  /** What its sender says of a stream; other content is refused with `invalid`. */
  readonly announcedBytes?: number | undefined;
  readonly signal: AbortSignal;
  /** Begins the message of an error. */
  readonly what: string;
  readonly progress: () => void;
}

/** Reads until it is clear whether the content is more than `smallBytes`. */
export async function receiveContent(
  content: Bytes | ReadableStream<Bytes>,
  { smallBytes, announcedBytes, signal, what, progress }: Receiving,
): Promise<Received> {
  if (content instanceof Uint8Array) {
    if (content.length <= smallBytes) return { kind: 'small', bytes: content.slice() };
    return { kind: 'large', chunks: once(content), sizeBytes: content.length };
  }
  const source = streamChunks(content, signal, what);
  const chunks = announcedBytes === undefined ? source : asAnnounced(source, announcedBytes, what);
  const held: Bytes[] = [];
  let length = 0;
  while (length <= smallBytes) {
    const next = await chunks.next();
    progress();
    if (next.done) return { kind: 'small', bytes: new Uint8Array(Buffer.concat(held)) };
    held.push(next.value);
    length += next.value.length;
  }
  return { kind: 'large', chunks: joined(held, chunks), sizeBytes: announcedBytes ?? null };
}

async function* once(content: Bytes): AsyncGenerator<Bytes> {
  yield content;
}

async function* asAnnounced(
  chunks: AsyncIterable<Bytes>,
  announcedBytes: number,
  what: string,
): AsyncGenerator<Bytes, void, void> {
  let cameBytes = 0;
  for await (const chunk of chunks) {
    cameBytes += chunk.length;
    if (cameBytes > announcedBytes) break;
    yield chunk;
  }
  if (cameBytes === announcedBytes) return;
  throw new SandboxError(
    'invalid',
    `${what} failed: ${announcedBytes} bytes were announced, and ${cameBytes > announcedBytes ? 'more' : cameBytes} came. Send it again.`,
    { started: 'no' },
  );
}

async function* joined(held: readonly Bytes[], rest: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  yield* held;
  yield* rest;
}
