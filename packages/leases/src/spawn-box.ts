import type { RestoreReceipt } from '@boxyard/contracts';
import {
  type Box,
  type BoxEnvelope,
  bounded,
  type EstablishedBox,
  envelopeOfBox,
  establish,
  SandboxError,
  type Spawn,
} from '@boxyard/sandbox-core';
import { adoptNewest } from './adopt-artifact.ts';
import { destroyCondemned } from './condemned-boxes.ts';
import type { LeaseContext } from './lease-context.ts';
import type { BoxSpec } from './open-request.ts';
import { repeat } from './repeat.ts';
import { restorer } from './restore-box.ts';
import { tellRecord } from './tell-record.ts';

export interface SpawnRequest {
  readonly groupId: string;
  readonly workspaceId: string;
  readonly spec: BoxSpec;
  readonly spawn: Spawn;
  /** The box was there and is proven gone. */
  readonly lost: boolean;
  /** Ends this attempt; the claim is then given up. */
  readonly signal: AbortSignal;
  /** Keeps work that nobody waits for but the end of the process. */
  readonly inBackground: (work: Promise<unknown>) => unknown;
}

export interface SpawnedBox {
  readonly box: Box;
  readonly epoch: number;
  readonly receipt: RestoreReceipt | null;
}

const fenced = (groupId: string) =>
  new SandboxError(
    'fenced',
    `The box of group ${groupId} was claimed by somebody else meanwhile. Open it again.`,
    { stage: 'spawn', retryable: true },
  );

/**
 * Makes, or finds parked, the box of a claim that this process has taken, and commits it. When it throws the claim
 * is given up, as soon as the record hears of it, and whatever was made is condemned.
 */
export async function spawnBox(context: LeaseContext, request: SpawnRequest): Promise<SpawnedBox> {
  const { groupId, workspaceId, spec, spawn } = request;
  const { epoch } = spawn;
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const beating = repeat(
    context.clock,
    context.settings.warmingTtlMs / 3,
    signal,
    async () => {
      const beat = await context.apply(groupId, { type: 'claimBeat', epoch }, { signal });
      if (beat?.kind === 'done') return 'go-on';
      stop.abort(fenced(groupId));
      return 'stop';
    },
    (error) => context.trouble('spawn.beat', groupId, error),
  );
  try {
    const { box, origin, receipt } = await bounded(
      { signal, deadlineMs: context.settings.spawnDeadlineMs },
      `Making the box of group ${groupId}`,
      // A box that comes after this wait has ended is refused by the record, and so destroyed.
      (left) => establishClaim(context, request, left),
    );
    try {
      const commit = await context.apply(
        groupId,
        {
          type: 'commit',
          epoch,
          box: box.ref,
          parks: parksOf(context, spec),
          fresh: origin === 'created',
        },
        { made: box.ref },
      );
      if (commit?.kind !== 'done') throw fenced(groupId);
    } catch (error) {
      await box.close().catch(() => {});
      throw error;
    }
    context.tell({ type: 'spawned', groupId, workspaceId, epoch, origin, receipt });
    return { box, epoch, receipt };
  } catch (error) {
    const why = signal.aborted && SandboxError.isInstance(signal.reason) ? signal.reason : error;
    const failure = SandboxError.isInstance(why)
      ? { code: why.code, message: why.message }
      : { code: 'unreachable' as const, message: `The box could not be made: ${String(why)}. Try again.` };
    const about = { stage: 'spawn.fail', groupId, signal: request.signal };
    const fail = () => context.apply(groupId, { type: 'fail', epoch, failure });
    const isTold = await fail().then(
      () => true,
      () => false,
    );
    const destroy = () =>
      context.attempt('spawn.destroy', groupId, () => destroyCondemned(context, { groupId }));
    if (isTold) await destroy();
    else request.inBackground(tellRecord(context, about, fail).then(destroy));
    context.tell({ type: 'spawn-failed', groupId, epoch, error: why });
    throw why;
  } finally {
    stop.abort();
    await beating;
  }
}

const parksOf = (context: LeaseContext, spec: BoxSpec) =>
  context.providers.provider(spec.backend).parking.available;

async function establishClaim(
  context: LeaseContext,
  { groupId, spec, spawn, lost }: SpawnRequest,
  signal: AbortSignal,
): Promise<EstablishedBox> {
  const provider = context.providers.provider(spec.backend);
  const { previous, epoch, uncaptured } = spawn;
  await adoptNewest(context, groupId, epoch, { signal });
  const artifacts = await context.ledger.restorable(groupId, { signal });
  const { backendId } = provider.descriptor;
  // One that stands by itself has its files, whatever happened to it meanwhile.
  const standing = spec.standing && envelopeOfBox(spec.standing, backendId, true);
  const known: BoxEnvelope | null =
    previous === null || previous.box.provider !== provider.name
      ? null
      : envelopeOfBox(previous.box, backendId, previous.workspaceReady);
  return establish(
    {
      provider,
      envelope: standing ?? known,
      create: {
        tag: { deployment: context.deployment, group: groupId, epoch },
        image: spec.image,
        environment: spec.environment ?? {},
        resources: spec.resources,
      },
      record: async (box) => {
        const parks = provider.parking.available;
        const event = { type: 'created', epoch, box: box.ref, parks } as const;
        const recorded = await context.apply(groupId, event, { made: box.ref });
        if (recorded?.kind === 'done') return;
        throw fenced(groupId);
      },
      restore: restorer(context, { artifacts, uncaptured, lost: lost || previous?.workspaceReady === true }),
    },
    { signal, deadlineMs: context.settings.spawnDeadlineMs },
  );
}
