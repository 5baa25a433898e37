import { createHash } from 'node:crypto';
import type { Artifact, CallOptions } from '@boxyard/sandbox-core';
import type { LeaseContext } from './lease-context.ts';

/**
 * Commits a candidate whose bytes are whole, for a process that could not do it any more. False when they are not, or
 * when nobody wants them.
 *
 * @param options `claim`: the epoch of a box that is being made and will be restored from it.
 */
export async function adoptArtifact(
  { blobs, ledger, settings }: LeaseContext,
  { id, archiveKey, manifestKey }: Artifact,
  options: CallOptions & { readonly claim?: number | undefined },
): Promise<boolean> {
  // Stored after the archive, and each appears whole or not at all: where it is, both are.
  const manifest = await blobs.open(manifestKey, options);
  if (manifest === null) return false;
  await manifest.cancel();
  const archive = await blobs.open(archiveKey, options);
  if (archive === null) return false;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of archive) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  const verdict = await ledger.adopt(
    id,
    { sizeBytes, sha256: hash.digest('hex') },
    {
      ...options,
      former: settings.formerArchives,
    },
  );
  return verdict === 'committed';
}

/** Before a box is restored: what its predecessor captured last counts, also when its process died with it. */
export async function adoptNewest(
  context: LeaseContext,
  groupId: string,
  claim: number,
  options: CallOptions,
): Promise<void> {
  for (const candidate of await context.ledger.candidates(groupId, options))
    if (await adoptArtifact(context, candidate, { ...options, claim })) return;
}
