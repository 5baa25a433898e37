import type { RestoreReceipt } from '@boxyard/contracts';
import {
  type ArchiveManifest,
  type Box,
  type BoxArchives,
  type CallOptions,
  compareManifests,
  SandboxError,
} from '@boxyard/sandbox-core';

export interface CarriedWorkspace {
  readonly receipt: RestoreReceipt;
  /** Of the workspace as it was packed. */
  readonly packed: ArchiveManifest;
}

/**
 * Copies the workspace of one box over that of another: what is not in the first is removed from the second. The
 * second is changed in one step at the end, or not at all; the first stays as it is.
 *
 * @throws SandboxError `unsupported` when a box has no archives, and what packing and unpacking throw.
 */
export async function carryWorkspace(from: Box, to: Box, options: CallOptions): Promise<CarriedWorkspace> {
  const [source, target] = [archivesOf(from), archivesOf(to)];
  const packing = await source.pack(options);
  // When packing breaks off, the stream tells it to who unpacks.
  packing.manifest.catch(() => undefined);
  const { manifest: arrived } = await target.unpack(packing.stream, {
    ...options,
    mode: 'replace',
    allowOutwardLinks: true,
  });
  const packed = await packing.manifest;
  const compared = compareManifests(packed, arrived);
  const receipt: RestoreReceipt =
    compared.kind === 'EXACT' ? { kind: 'EXACT' } : { kind: compared.kind, missing: [...compared.missing] };
  return { receipt, packed };
}

/**
 * Whether the workspace is another one than was packed. Reads all of it: what a box tells of changes comes late, so
 * only its files can say whether a change that was told meanwhile was also made meanwhile.
 */
export async function differsFromPacked(
  box: Box,
  packed: ArchiveManifest,
  options: CallOptions,
): Promise<boolean> {
  const { stream, manifest } = await archivesOf(box).pack({ ...options, compression: 'none' });
  manifest.catch(() => undefined);
  await stream.pipeTo(new WritableStream());
  const present = await manifest;
  return [compareManifests(packed, present), compareManifests(present, packed)].some(
    ({ kind }) => kind !== 'EXACT',
  );
}

function archivesOf({ capabilities: { archives } }: Box): BoxArchives {
  if (archives.available) return archives.use;
  throw new SandboxError(
    'unsupported',
    `The workspace cannot be carried: ${archives.reason}. Swap without carry.`,
    { stage: 'swap.carry', started: 'no' },
  );
}
