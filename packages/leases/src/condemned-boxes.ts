import { bounded } from '@boxyard/sandbox-core';
import type { LeaseContext } from './lease-context.ts';

/**
 * Destroys condemned boxes whose time has come. What fails stays condemned and is tried later, each time after
 * twice the wait. Answers how many were taken.
 */
export async function destroyCondemned(
  context: LeaseContext,
  options: { readonly groupId?: string; readonly signal?: AbortSignal | undefined } = {},
): Promise<number> {
  const { reaperBatch, destroyRetryMs, maxDestroyRetryMs, destroyDeadlineMs } = context.settings;
  const taken = await context.store.takeCondemned(reaperBatch, {
    ...options,
    retryAfterMs: destroyRetryMs,
    maxRetryAfterMs: maxDestroyRetryMs,
  });
  await Promise.all(
    taken.map(async ({ id, ref, groupId, attempts, reason }) => {
      try {
        const provider = context.providers.providerNamed(ref.provider);
        const call = { signal: options.signal, deadlineMs: destroyDeadlineMs };
        await bounded(call, `Destroying box ${ref.instance}`, (_, { left }) => provider.destroy(ref, left()));
      } catch (error) {
        context.tell({ type: 'destroy-failed', groupId, ref, attempts, error });
        return;
      }
      await context.attempt('condemned.remove', groupId, () => context.store.removeCondemned(id));
      context.tell({ type: 'destroyed', groupId, ref, reason });
    }),
  );
  return taken.length;
}
