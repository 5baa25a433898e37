import { createHash } from 'node:crypto';
import type { BlobStore, Bytes } from '@boxyard/sandbox-core';

/** A blob store whose content a test can look at and spoil. */
export function memoryBlobs(): BlobStore & { readonly content: Map<string, Bytes> } {
  const content = new Map<string, Bytes>();
  return {
    content,
    async put(key, stream) {
      const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
      content.set(key, bytes);
      return { sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    },
    async open(key) {
      const bytes = content.get(key);
      return bytes === undefined ? null : new Blob([bytes]).stream();
    },
    async delete(key) {
      content.delete(key);
    },
    async *list(prefix) {
      for (const [key, bytes] of content)
        if (key.startsWith(prefix)) yield { key, sizeBytes: bytes.length, modifiedAt: new Date(0) };
    },
  };
}
