import { z } from 'zod';
import type { BoxRef } from '../box.ts';
import { SandboxError } from '../sandbox-error.ts';

/** What outlives every process that knew the box. The shape is the Agents SDK's, so that either side reads it. */
export const BoxEnvelope = z.strictObject({
  backendId: z.string().min(1),
  sessionState: z.strictObject({
    /** The client's flat serialized state, with the instance id among it. */
    providerState: z.record(z.string(), z.unknown()),
    manifest: z.record(z.string(), z.unknown()).optional(),
    exposedPorts: z.record(z.string(), z.unknown()).optional(),
    snapshot: z.record(z.string(), z.unknown()).nullable().optional(),
    snapshotFingerprint: z.string().nullable().optional(),
    snapshotFingerprintVersion: z.string().nullable().optional(),
    /** False while the workspace still has to be restored into the box. */
    workspaceReady: z.boolean(),
    /** Base64, or an artifact of the ledger. Ours: it never reaches the client's deserialize. */
    workspaceArchive: z.union([z.string(), z.strictObject({ artifactId: z.string().min(1) })]).optional(),
  }),
});
export type BoxEnvelope = z.infer<typeof BoxEnvelope>;

const INSTANCE_KEY = 'instanceId';

/** Identity only: operational settings are read anew at every resume. */
export function envelopeOfBox(ref: BoxRef, backendId: string, workspaceReady: boolean): BoxEnvelope {
  const own = ref.resume[INSTANCE_KEY];
  if (own !== undefined && own !== ref.instance)
    throw new SandboxError(
      'configuration',
      `The box ${ref.instance} cannot be written down: its resume state names the instance ${String(own)}. Leave ${INSTANCE_KEY} out of the provider's resume state.`,
      { stage: 'envelope.write', started: 'no' },
    );
  return {
    backendId,
    sessionState: { providerState: { ...ref.resume, [INSTANCE_KEY]: ref.instance }, workspaceReady },
  };
}

/**
 * The box that an envelope names, for the provider of this backend; null when it names none or is another
 * backend's. An envelope that cannot be understood is `configuration`: guessing would make a rival.
 */
export function boxOfEnvelope(
  envelope: unknown,
  provider: { readonly name: string; readonly descriptor: { readonly backendId: string } },
): { readonly ref: BoxRef; readonly workspaceReady: boolean } | null {
  if (envelope === null || envelope === undefined) return null;
  const parsed = BoxEnvelope.safeParse(envelope);
  if (!parsed.success)
    throw new SandboxError(
      'configuration',
      `The stored envelope of a box cannot be read: ${z.prettifyError(parsed.error)}. Restore it from a backup, or delete the session.`,
      { stage: 'envelope.read', started: 'no', cause: parsed.error },
    );
  const { backendId, sessionState } = parsed.data;
  if (backendId !== provider.descriptor.backendId) return null;
  const { [INSTANCE_KEY]: instance, ...resume } = sessionState.providerState;
  if (instance === undefined) return null;
  if (typeof instance !== 'string' || instance === '')
    throw new SandboxError(
      'configuration',
      'The stored envelope of a box cannot be read: its instanceId is no text. Restore it from a backup, or delete the session.',
      { stage: 'envelope.read', started: 'no' },
    );
  return { ref: { provider: provider.name, instance, resume }, workspaceReady: sessionState.workspaceReady };
}
