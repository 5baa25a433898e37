import { createHash } from 'node:crypto';
import type { Bytes } from '@boxyard/sandbox-core';

export interface HashedContent {
  readonly chunks: AsyncIterable<Bytes>;
  /** Of what has gone through so far; null when that was more than was to be hashed. */
  readonly sha256: () => string | null;
  readonly sizeBytes: () => number;
}

export interface SizedContent {
  readonly chunks: AsyncIterable<Bytes>;
  /** Null when only its end will tell. */
  readonly sizeBytes: number | null;
}

/**
 * Digests what goes through, unless it is more than `hashedBytes`: it costs as much as the way there. `each` is told of
 * every part.
 */
export function hashedContent(
  { chunks, sizeBytes: expectedBytes }: SizedContent,
  hashedBytes: number,
  each: () => void,
): HashedContent {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const through = async function* (): AsyncGenerator<Bytes, void, void> {
    for await (const chunk of chunks) {
      each();
      sizeBytes += chunk.length;
      if (Math.max(sizeBytes, expectedBytes ?? 0) <= hashedBytes) hash.update(chunk);
      yield chunk;
    }
  };
  return {
    chunks: through(),
    sha256: () => (sizeBytes <= hashedBytes ? hash.copy().digest('hex') : null),
    sizeBytes: () => sizeBytes,
  };
}
