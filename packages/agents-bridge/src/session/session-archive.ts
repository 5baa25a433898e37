import { type Box, type Bytes, type CallOptions, DEFAULT_ARCHIVE_LIMITS } from '@boxyard/sandbox-core';
import type { SandboxArchiveLimits, WorkspaceArchiveData } from '@openai/agents-core/sandbox';
import { toUint8Array } from '../sdk-values.ts';
import { AgentsSessionError, sessionErrorFrom, unsupported } from '../session-error.ts';

const ARCHIVE_CODES = { invalid: 'archive_error', 'too-large': 'archive_error' } as const;

/** The workspace as a tar with our manifest at its end: only what we packed is complete by proof. */
export async function packWorkspace(box: Box, call: CallOptions): Promise<Uint8Array> {
  const { archives } = box.capabilities;
  if (!archives.available) throw unsupported(`Archiving is not possible: ${archives.reason}`);
  try {
    const packed = await archives.use.pack(call);
    const bytes = await new Response(packed.stream).bytes();
    await packed.manifest;
    return bytes;
  } catch (error) {
    throw sessionErrorFrom(error, ARCHIVE_CODES);
  }
}

export async function unpackWorkspace(
  box: Box,
  data: WorkspaceArchiveData,
  limits: SandboxArchiveLimits | null,
  call: CallOptions,
): Promise<void> {
  const { archives } = box.capabilities;
  if (!archives.available) throw unsupported(`Unpacking is not possible: ${archives.reason}`);
  const bytes: Bytes = Uint8Array.from(await toUint8Array(data));
  const most = limits?.maxInputBytes;
  if (typeof most === 'number' && bytes.length > most) {
    throw new AgentsSessionError(
      'archive_error',
      `Unpacking is refused: the archive has ${bytes.length} bytes and may have ${most}.`,
    );
  }
  try {
    await archives.use.unpack(new Blob([bytes]).stream(), {
      ...call,
      mode: 'replace',
      limits: {
        ...DEFAULT_ARCHIVE_LIMITS,
        ...(typeof limits?.maxExtractedBytes === 'number' ? { maxTotalBytes: limits.maxExtractedBytes } : {}),
        ...(typeof limits?.maxMembers === 'number' ? { maxEntries: limits.maxMembers } : {}),
      },
    });
  } catch (error) {
    throw sessionErrorFrom(error, ARCHIVE_CODES);
  }
}

/** @throws AgentsSessionError for limits that are no limits. */
export function checkArchiveLimits(
  limits: SandboxArchiveLimits | null | undefined,
): SandboxArchiveLimits | null {
  for (const [name, value] of Object.entries(limits ?? {})) {
    if (value === null || value === undefined || (Number.isSafeInteger(value) && value > 0)) continue;
    throw new AgentsSessionError(
      'configuration_error',
      `The archive limit ${name} is refused: give a positive whole number, or null for none.`,
    );
  }
  return limits ?? null;
}
