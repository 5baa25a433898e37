import { type CallOptions, SandboxError, usedUpText } from '@boxyard/sandbox-core';
import type { LeaseContext } from './lease-context.ts';

/**
 * Nobody wakes a box of a workspace whose budget is used up, however often they ask.
 *
 * @throws SandboxError `over-budget`.
 */
export async function refuseOverBudget(
  { usage }: LeaseContext,
  { groupId, workspaceId }: { readonly groupId: string; readonly workspaceId: string },
  options: CallOptions,
): Promise<void> {
  const budget = (await usage?.usedUp(workspaceId, options)) ?? null;
  if (budget === null) return;
  throw new SandboxError('over-budget', `The box of group ${groupId} is not opened: ${usedUpText(budget)}`, {
    started: 'no',
    stage: 'budget',
  });
}
