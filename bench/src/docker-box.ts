import type { Box, Bytes, Provider } from '@boxyard/sandbox-core';

/** A box of the measuring process; the number names it. */
export function createDockerBox(provider: Provider, number: number): Promise<Box> {
  const tag = { deployment: 'bench', group: `bench-${process.pid}-${number}`, epoch: 1 };
  return provider.create({ tag, environment: {} });
}

const CHUNK_BYTES = 256 * 1024;

/** As an upload comes; each call begins anew. Costs next to nothing, unlike the stream of a Blob. */
export function streamOf(bytes: Buffer): ReadableStream<Bytes> {
  const { buffer, byteOffset, length } = bytes;
  if (!(buffer instanceof ArrayBuffer)) throw new Error('The bytes are shared with somebody.');
  let at = 0;
  return new ReadableStream<Bytes>({
    pull(to) {
      to.enqueue(new Uint8Array(buffer, byteOffset + at, Math.min(CHUNK_BYTES, length - at)));
      at += CHUNK_BYTES;
      if (at >= length) to.close();
    },
  });
}

/** Reads to the end; fewer bytes than that are an error. */
export async function drain(stream: AsyncIterable<Uint8Array>, expected: number): Promise<void> {
  let read = 0;
  for await (const chunk of stream) read += chunk.length;
  if (read < expected) throw new Error(`${read} of ${expected} bytes came.`);
}
