// Whether the workspace of a turn may still have its model asked: what is used up is not a little exceeded by every
// turn that runs.
import { type TurnError, type UsageStore, usedUpText } from '@boxyard/sandbox-core';

/** Null while there is something left, or no limit. */
export async function budgetError(
  usage: Pick<UsageStore, 'usedUp'>,
  workspaceId: string,
): Promise<TurnError | null> {
  const budget = await usage.usedUp(workspaceId);
  if (budget === null) return null;
  return { code: 'over-budget', message: `The turn was ended: ${usedUpText(budget)}` };
}
