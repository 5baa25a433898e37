import type { RestoreReceipt } from '@boxyard/contracts';
import type { Box, BoxRef } from '../box.ts';
import type { CallOptions } from '../call-options.ts';
import type { CreateBoxRequest, Provider } from '../provider.ts';
import { SandboxError } from '../sandbox-error.ts';
import { type BoxEnvelope, boxOfEnvelope, envelopeOfBox } from './envelope.ts';
import { stillStands } from './still-stands.ts';

export interface EstablishRequest {
  readonly provider: Provider;
  /** What is known of an earlier box; null when there was none. */
  readonly envelope: BoxEnvelope | null;
  /** Its tag carries the claimed epoch. */
  readonly create: CreateBoxRequest;
  /** Stores the id of a new box before anything else can fail. When it throws, the box is let go. */
  readonly record: (box: Box) => Promise<void>;
  /** Brings the workspace into a box that lacks it. Null when there is nothing to restore and nothing was lost. */
  readonly restore: ((box: Box, options: CallOptions) => Promise<RestoreReceipt>) | null;
  /** How long a box may take to answer its first command; 15 s, or 60 s after a restore, when absent. */
  readonly readyDeadlineMs?: number | undefined;
}

export interface EstablishedBox {
  readonly box: Box;
  readonly envelope: BoxEnvelope;
  readonly instanceId: string;
  readonly backendId: string;
  /** `created`: a new box; `resumed`: the one that the envelope names. */
  readonly origin: 'created' | 'resumed';
  /** Null when there was nothing to restore. */
  readonly receipt: RestoreReceipt | null;
}

const READY_MS = 15_000;
const READY_AFTER_RESTORE_MS = 60_000;

async function proveReady(box: Box, restored: boolean, request: EstablishRequest, options: CallOptions) {
  const deadlineMs = request.readyDeadlineMs ?? (restored ? READY_AFTER_RESTORE_MS : READY_MS);
  const result = await box.exec(
    { program: { script: 'true' }, runLimitMs: deadlineMs },
    { signal: options.signal, deadlineMs },
  );
  if (result.exitCode === 0) return;
  throw new SandboxError(
    'unreachable',
    `The box ${box.ref.instance} is not ready: its first command ended with ${result.exitCode}. Try again, or look at the provider's log of it.`,
    { stage: 'establish.ready' },
  );
}

/** Closes a handle on the way out of a failure, whose own error is the one to be seen. */
async function letGo(box: Box): Promise<void> {
  await box.close().catch(() => {});
}

async function find(
  request: EstablishRequest,
  options: CallOptions,
): Promise<{ readonly box: Box; readonly receipt: RestoreReceipt | null } | null> {
  const { provider, create } = request;
  const known = boxOfEnvelope(request.envelope, provider);
  if (known === null) return null;
  const { environment, tag } = create;
  const resume = () => provider.resume(known.ref, { ...options, epoch: tag.epoch, environment });
  let box: Box | null = null;
  try {
    box = await resume();
    const restores = !known.workspaceReady && request.restore !== null;
    const receipt: RestoreReceipt | null = known.workspaceReady
      ? { kind: 'EXACT' }
      : ((await request.restore?.(box, options)) ?? null);
    await proveReady(box, restores, request, options);
    return { box, receipt };
  } catch (error) {
    if (box !== null) await letGo(box);
    // It may be alive, and a rival is the worst outcome.
    if (!provider.isGone(error)) throw error;
    if (box !== null && (await stillStands(provider, resume))) throw notReady(known.ref, error);
    return null;
  }
}

const notReady = ({ instance }: BoxRef, cause: unknown) =>
  new SandboxError(
    'unreachable',
    `The box ${instance} is not ready: it is there, but ${cause instanceof Error ? cause.message : String(cause)} Try again.`,
    { stage: 'establish.ready', cause },
  );

async function make(
  request: EstablishRequest,
  options: CallOptions,
): Promise<{ readonly box: Box; readonly receipt: RestoreReceipt | null }> {
  const { provider } = request;
  const box = await provider.create(request.create, options);
  try {
    const { instance } = box.ref;
    await request.record(box);
    const receipt = (await request.restore?.(box, options)) ?? null;
    // A restore may have replaced the box.
    if (box.ref.instance !== instance) await request.record(box);
    await proveReady(box, request.restore !== null, request, options);
    return { box, receipt };
  } catch (error) {
    await letGo(box);
    // A fenced claim is settled by whoever keeps the record, and a folder that parks belongs to its group: it
    // stays, marked as not ready. What cannot be destroyed now is destroyed by the record of condemned boxes.
    if (!provider.parking.available && !SandboxError.hasCode(error, 'fenced'))
      await provider.destroy(box.ref).catch(() => {});
    throw error;
  }
}

/**
 * One box that is proven ready: the one that the envelope names, or a new one when that is gone or none is named.
 * A resume error that does not prove the box gone propagates and makes nothing.
 */
export async function establish(
  request: EstablishRequest,
  options: CallOptions = {},
): Promise<EstablishedBox> {
  const found = await find(request, options);
  const { box, receipt } = found ?? (await make(request, options));
  const { backendId } = request.provider.descriptor;
  return {
    box,
    envelope: envelopeOfBox(box.ref, backendId, true),
    instanceId: box.ref.instance,
    backendId,
    origin: found === null ? 'created' : 'resumed',
    receipt,
  };
}
