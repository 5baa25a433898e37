import type { WorkspaceBudget } from '../ports/usage-store.ts';

/** Which limit of a workspace is used up, and what helps; for people. */
export function usedUpText({
  limitSeconds,
  usedMs,
  limitModelTokens,
  usedModelTokens,
  month,
}: WorkspaceBudget): string {
  const until = new Date(month.toMs).toISOString();
  const isOfModel = limitModelTokens !== null && usedModelTokens >= limitModelTokens;
  const used = isOfModel
    ? `the models of its workspace took ${usedModelTokens} tokens this month, and its budget is ${limitModelTokens}.`
    : `boxes of its workspace were up for ${Math.round(usedMs / 1000)} s this month, and its budget is ${limitSeconds} s.`;
  return `${used} Raise the budget of the workspace, or wait until ${until}.`;
}
