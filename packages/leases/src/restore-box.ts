import type { RestoreReceipt } from '@boxyard/contracts';
import {
  type ArchiveManifest,
  type Artifact,
  type Box,
  type CallOptions,
  compareManifests,
  type ManifestComparison,
  SandboxError,
  type Spawn,
  traced,
} from '@boxyard/sandbox-core';
import type { LeaseContext } from './lease-context.ts';

/** Newest first; with what was known to be uncaptured when the box was claimed. */
export interface RestorePlan {
  readonly artifacts: readonly Artifact[];
  readonly uncaptured: Spawn['uncaptured'];
  /** The workspace was there before and is not any more. */
  readonly lost: boolean;
}

async function readManifest(
  context: LeaseContext,
  artifact: Artifact,
  options: CallOptions,
): Promise<ArchiveManifest | null> {
  const stream = await context.blobs.open(artifact.manifestKey, options);
  return stream === null ? null : ((await new Response(stream).json()) as ArchiveManifest);
}

/** Null when the archive's bytes are missing or corrupt; everything else propagates. */
async function unpack(
  context: LeaseContext,
  artifact: Artifact,
  box: Box,
  options: CallOptions,
): Promise<ArchiveManifest | null> {
  const { archives } = box.capabilities;
  if (!archives.available)
    throw new SandboxError(
      'unsupported',
      `The workspace cannot be restored into box ${box.ref.instance}: ${archives.reason} Open the session with another backend.`,
      { stage: 'restore' },
    );
  const stream = await context.blobs.open(artifact.archiveKey, options);
  if (stream === null) return null;
  try {
    const report = await archives.use.unpack(stream, {
      ...options,
      mode: 'replace',
      allowOutwardLinks: true,
    });
    return report.manifest;
  } catch (error) {
    if (!SandboxError.hasCode(error, 'invalid')) throw error;
    context.trouble('restore.archive', artifact.groupId, error);
    return null;
  }
}

function receiptOf(newest: Artifact, plan: RestorePlan, compared: ManifestComparison): RestoreReceipt {
  if (compared.kind !== 'EXACT') return { kind: compared.kind, missing: [...compared.missing] };
  const { uncaptured } = plan;
  if (uncaptured === null) return { kind: 'EXACT' };
  // It was captured after all, by a process that died before it could say so.
  if (uncaptured.revision !== null && newest.revision >= uncaptured.revision) return { kind: 'EXACT' };
  const from = new Date(newest.startedAtMs).toISOString();
  const toMs = Math.max(uncaptured.revisedAtMs ?? 0, newest.startedAtMs);
  return { kind: 'STALE', from, to: new Date(toMs).toISOString() };
}

/**
 * How the workspace comes into a box that lacks it; null when there is nothing to bring and nothing was lost. The
 * older archive is tried when the newest cannot be read, and then the receipt names what is missing. Without any
 * readable archive it is an error: an empty workspace would pass for the real one.
 */
export function restorer(
  context: LeaseContext,
  plan: RestorePlan,
): ((box: Box, options: CallOptions) => Promise<RestoreReceipt>) | null {
  const [newest] = plan.artifacts;
  if (newest === undefined) {
    if (!plan.lost && plan.uncaptured === null) return null;
    return async () => ({ kind: 'INCOMPLETE', missing: 'everything' });
  }
  const restore = async (box: Box, options: CallOptions): Promise<RestoreReceipt> => {
    for (const artifact of plan.artifacts) {
      const actual = await unpack(context, artifact, box, options);
      if (actual === null) continue;
      const expected = await readManifest(context, newest, options);
      if (expected !== null) return receiptOf(newest, plan, compareManifests(expected, actual));
      // Nothing says any more what the newest archive held: only its own bytes can vouch for it.
      return artifact === newest
        ? receiptOf(newest, plan, { kind: 'EXACT' })
        : { kind: 'INCOMPLETE', missing: 'everything' };
    }
    throw new SandboxError(
      'invalid',
      `The workspace of group ${newest.groupId} cannot be restored: none of its ${plan.artifacts.length} archives can be read. Bring ${newest.archiveKey} back into the blob store, or delete the session.`,
      { stage: 'restore' },
    );
  };
  return (box, options) =>
    traced('box.restore', { 'boxyard.group': newest.groupId }, () => restore(box, options));
}
