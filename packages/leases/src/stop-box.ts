import { type BoxRef, bounded, SandboxError, stillStands, type Terminate } from '@boxyard/sandbox-core';
import { captureBox, keepsArchives } from './capture-box.ts';
import { destroyCondemned } from './condemned-boxes.ts';
import type { LeaseContext } from './lease-context.ts';
import { repeat } from './repeat.ts';
import { resumeBox } from './resume-box.ts';

export interface StopRequest {
  readonly groupId: string;
  readonly workspaceId: string;
  /** The claim of this termination, as the lease gave it. */
  readonly terminate: Terminate;
  readonly reason: string | null;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Captures a box whose lease is terminating, then parks or destroys it. When the capture fails the box stays up
 * and the error is thrown; when somebody else took the termination over, `fenced`.
 */
export async function stopBox(context: LeaseContext, request: StopRequest): Promise<void> {
  const { groupId, terminate } = request;
  const { claim, epoch } = terminate;
  const stop = new AbortController();
  const signal = request.signal === undefined ? stop.signal : AbortSignal.any([request.signal, stop.signal]);
  const beat = async () => {
    const answer = await context.apply(groupId, { type: 'terminateBeat', claim }, { signal });
    if (answer?.kind === 'done') return 'go-on' as const;
    stop.abort(tookOver(groupId));
    return 'stop' as const;
  };
  const beating = repeat(context.clock, context.settings.terminatingTtlMs / 3, signal, beat, (error) =>
    context.trouble('stop.beat', groupId, error),
  );
  try {
    const { capturedRevision, gone } = await bringToRest(context, request, signal, beat);
    const ended = await context.apply(groupId, { type: 'terminated', claim, capturedRevision, gone });
    if (ended?.kind !== 'done') throw tookOver(groupId);
    context.tell({
      type: 'stopped',
      groupId,
      epoch,
      cause: terminate.cause,
      reason: request.reason,
      captured: capturedRevision !== null,
    });
  } catch (error) {
    const why = stop.signal.aborted ? stop.signal.reason : error;
    if (!SandboxError.hasCode(why, 'fenced')) {
      const reason = `the capture failed: ${why instanceof Error ? why.message : String(why)}`;
      await context.attempt('stop.failed', groupId, () =>
        context.apply(groupId, { type: 'captureFailed', claim, reason }),
      );
      context.tell({ type: 'capture-failed', groupId, epoch, error: why });
    }
    throw why;
  } finally {
    stop.abort();
    await beating;
  }
  await context.attempt('stop.destroy', groupId, () => destroyCondemned(context, { groupId }));
}

const tookOver = (groupId: string) =>
  new SandboxError(
    'fenced',
    `Stopping the box of group ${groupId} was taken over by somebody else. Look again.`,
    {
      stage: 'stop',
      retryable: true,
    },
  );

const notCaptured = ({ instance }: BoxRef, cause: unknown) => {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new SandboxError(
    'unreachable',
    `Capturing box ${instance} failed, and it is still there: ${said} Try again.`,
    { stage: 'capture', cause },
  );
};

async function bringToRest(
  context: LeaseContext,
  { groupId, workspaceId, terminate }: StopRequest,
  signal: AbortSignal,
  beat: () => Promise<unknown>,
): Promise<{ readonly capturedRevision: number | null; readonly gone: boolean }> {
  const { box: ref, epoch, revision, dirty, parks } = terminate;
  const provider = context.providers.providerNamed(ref.provider);
  const resume = () => resumeBox(provider, ref, { epoch, environment: {}, signal });
  let capturedRevision: number | null = null;
  try {
    if (dirty && keepsArchives(provider)) {
      const box = await resume();
      try {
        const captured = await captureBox(context, { groupId, workspaceId, epoch, revision, box, signal });
        if (captured === 'refused') throw tookOver(groupId);
        // Without archives nothing can be kept, and keeping the box for ever would be no answer either: the
        // next restore says that everything is missing.
        if (captured === 'committed') capturedRevision = revision;
      } catch (error) {
        if (provider.isGone(error) && (await stillStands(provider, resume))) throw notCaptured(ref, error);
        throw error;
      } finally {
        await box.close().catch(() => {});
      }
    }
    if (parks && provider.parking.available) {
      // Parking ends what runs: nobody may have taken the box over meanwhile.
      await beat();
      signal.throwIfAborted();
      const { park } = provider.parking.use;
      const call = { signal, deadlineMs: context.settings.destroyDeadlineMs };
      await bounded(call, `Parking box ${ref.instance}`, (_, { left }) => park(ref, left()));
    }
  } catch (error) {
    if (provider.isGone(error)) return { capturedRevision, gone: true };
    throw error;
  }
  return { capturedRevision, gone: false };
}
