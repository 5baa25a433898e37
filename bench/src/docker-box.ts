import type { Box, Bytes, Provider } from '@boxyard/sandbox-core';

/** A box of the measuring process; the number names it. */
export function createDockerBox(provider: Provider, number: number): Promise<Box> {
  const tag = { deployment: 'bench', group: `bench-${process.pid}-${number}`, epoch: 1 };
  return provider.create({ tag, environment: {} });
}

export function streamOf(bytes: Buffer): ReadableStream<Bytes> {
  return new Blob([new Uint8Array(bytes)]).stream();
}

/** Reads to the end; fewer bytes than that are an error. */
export async function drain(stream: AsyncIterable<Uint8Array>, expected: number): Promise<void> {
  let read = 0;
  for await (const chunk of stream) read += chunk.length;
  if (read < expected) throw new Error(`${read} of ${expected} bytes came.`);
}
