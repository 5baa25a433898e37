import { type Box, bounded, type Provider, SandboxError, traced } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { LeaseContext } from './lease-context.ts';

/** Archives of a group lie in a folder of its id below this. */
export const ARCHIVE_PREFIX = 'archives/';

export interface CaptureRequest {
  readonly groupId: string;
  readonly workspaceId: string;
  readonly epoch: number;
  /** The lease's revision before the capture began. */
  readonly revision: number;
  readonly box: Box;
  readonly signal?: AbortSignal | undefined;
}

/** Whether archives are kept of this provider's boxes at all: a machine of a user is never copied. */
export const keepsArchives = ({ descriptor }: Provider): boolean => descriptor.snapshot.kind !== 'none';

/**
 * Packs the workspace of a running box into the blob store and commits it. `refused`: the box is not the lease's
 * any more. `unsupported`: such a box has no archives. Everything else that goes wrong throws, and then the
 * ledger knows which bytes have to go.
 */
export function captureBox(
  context: LeaseContext,
  request: CaptureRequest,
): Promise<'committed' | 'refused' | 'unsupported'> {
  return traced('box.capture', { 'boxyard.group': request.groupId }, () => capture(context, request));
}

async function capture(
  context: LeaseContext,
  request: CaptureRequest,
): Promise<'committed' | 'refused' | 'unsupported'> {
  const { archives } = request.box.capabilities;
  if (!archives.available || !keepsArchives(context.providers.providerNamed(request.box.ref.provider)))
    return 'unsupported';
  const { groupId, workspaceId, epoch, revision } = request;
  const { captureDeadlineMs } = context.settings;
  const place = `${ARCHIVE_PREFIX}${groupId}/${uuidv7()}`;
  const artifact = await context.ledger.begin(
    {
      groupId,
      workspaceId,
      epoch,
      revision,
      archiveKey: `${place}.tar.gz`,
      manifestKey: `${place}.manifest.json`,
    },
    // The bytes of a capture whose process died are removed once it cannot be running any more.
    { signal: request.signal, candidateTtlMs: 2 * captureDeadlineMs },
  );
  try {
    const stored = await bounded(
      { signal: request.signal, deadlineMs: captureDeadlineMs },
      `Capturing box ${request.box.ref.instance}`,
      async (signal, call) => {
        const packed = await archives.use.pack({ compression: 'gzip', ...call.left() });
        // Seen here first when packing breaks off; the stream tells it to whoever stores the bytes.
        packed.manifest.catch(() => {});
        const archive = await context.blobs.put(artifact.archiveKey, packed.stream, { signal });
        const manifest = new Blob([JSON.stringify(await packed.manifest)]);
        await context.blobs.put(artifact.manifestKey, manifest.stream(), { signal });
        return archive;
      },
    );
    const verdict = await context.ledger.commit(artifact.id, stored, {
      signal: request.signal,
      former: context.settings.formerArchives,
    });
    if (verdict === 'committed')
      context.tell({
        type: 'captured',
        groupId,
        epoch,
        artifactId: artifact.id,
        sizeBytes: stored.sizeBytes,
      });
    // Its entry may be gone already, when this took so long that it was given up: nobody else would remove the bytes.
    else
      await context.attempt('capture.refused', groupId, async () => {
        await context.blobs.delete(artifact.archiveKey);
        await context.blobs.delete(artifact.manifestKey);
      });
    return verdict;
  } catch (error) {
    await context.attempt('capture.abandon', groupId, () => context.ledger.abandon(artifact.id));
    // What a box packs is nobody's input: where it is damaged, the box broke off while it packed.
    if (SandboxError.isInstance(error) && error.code !== 'invalid') throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new SandboxError(
      'unreachable',
      `Capturing box ${request.box.ref.instance} failed: ${why}. The last save stays; try again, and look at the box and the blob store.`,
      { stage: 'capture', cause: error },
    );
  }
}
