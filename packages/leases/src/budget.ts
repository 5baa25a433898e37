import { type CallOptions, SandboxError } from '@boxyard/sandbox-core';
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
  const { limitSeconds, usedMs, month } = budget;
  const used = Math.round(usedMs / 1000);
  const until = new Date(month.toMs).toISOString();
  throw new SandboxError(
    'over-budget',
    `The box of group ${groupId} is not opened: boxes of its workspace were up for ${used} s this month, and its budget is ${limitSeconds} s. Raise the budget of the workspace, or wait until ${until}.`,
    { started: 'no', stage: 'budget' },
  );
}
