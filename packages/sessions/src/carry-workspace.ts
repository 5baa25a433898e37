import type { RestoreReceipt } from '@boxyard/contracts';
import { type Box, type CallOptions, compareManifests, SandboxError } from '@boxyard/sandbox-core';

/**
 * Copies the workspace of one box over that of another: what is not in the first is removed from the second. The
 * second is changed in one step at the end, or not at all; the first stays as it is.
 *
 * @throws SandboxError `unsupported` when a box has no archives, and what packing and unpacking throw.
 */
export async function carryWorkspace(from: Box, to: Box, options: CallOptions): Promise<RestoreReceipt> {
  const [source, target] = [from.capabilities.archives, to.capabilities.archives];
  for (const archives of [source, target]) {
    if (!archives.available)
      throw new SandboxError(
        'unsupported',
        `The workspace cannot be carried: ${archives.reason}. Swap without carry.`,
        { stage: 'swap.carry', started: 'no' },
      );
  }
  if (!source.available || !target.available) throw new Error('Both were found to have archives.');
  const packed = await source.use.pack(options);
  // When packing breaks off, the stream tells it to who unpacks.
  packed.manifest.catch(() => undefined);
  const { manifest: arrived } = await target.use.unpack(packed.stream, {
    ...options,
    mode: 'replace',
    allowOutwardLinks: true,
  });
  const compared = compareManifests(await packed.manifest, arrived);
  return compared.kind === 'EXACT'
    ? { kind: 'EXACT' }
    : { kind: compared.kind, missing: [...compared.missing] };
}
