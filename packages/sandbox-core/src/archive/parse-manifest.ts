import { z } from 'zod';
import type { Bytes } from '../call-options.ts';
import { SandboxError } from '../sandbox-error.ts';
import type { ArchiveManifest } from './archive-manifest.ts';

// A million entries with paths of ordinary length.
const MAX_MANIFEST_BYTES = 256 * 1024 * 1024;

const manifestSchema = z.object({
  version: z.literal(1),
  entries: z.array(
    z.object({
      path: z.string(),
      kind: z.enum(['file', 'dir', 'symlink', 'other']),
      mode: z.int().min(0).max(0o7777),
      sizeBytes: z.int().min(0),
      sha256: z.string().exactOptional(),
      torn: z.literal(true).exactOptional(),
      omitted: z.literal(true).exactOptional(),
    }),
  ),
});

/** The manifest that an archive brings, which anybody may have written. Throws `invalid` or `too-large`. */
export async function parseManifest(
  content: AsyncIterable<Bytes>,
  sizeBytes: number,
): Promise<ArchiveManifest> {
  if (sizeBytes > MAX_MANIFEST_BYTES) {
    throw new SandboxError(
      'too-large',
      'The archive is refused: its manifest is too large. Archive less at once.',
    );
  }
  const chunks: Bytes[] = [];
  for await (const chunk of content) chunks.push(chunk);
  try {
    return manifestSchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
  } catch (error) {
    throw new SandboxError('invalid', 'The archive is damaged: its manifest cannot be read. Get it again.', {
      cause: error,
    });
  }
}
