import { z } from 'zod';
import { Id } from './identifiers.ts';
import { Timestamp } from './timestamp.ts';
import { TurnUsage } from './turn.ts';

/** Query of `GET usage`: from the first moment until before the second; this calendar month (UTC) when absent. */
export const UsageQuery = z
  .object({ from: Timestamp.optional(), to: Timestamp.optional() })
  .refine(({ from, to }) => from === undefined || to === undefined || Date.parse(from) < Date.parse(to), {
    error: 'must be later than from',
    path: ['to'],
  });
export type UsageQuery = z.infer<typeof UsageQuery>;

const Budget = z.object({
  /** For how many seconds boxes may be up in a calendar month (UTC); null for as long as they like, 0 for not at all. */
  warmSeconds: z.int().nonnegative().nullable(),
  /** How many tokens models of agents may be sent and say in that month; null for as many as they like. */
  modelTokens: z.int().nonnegative().nullable(),
});

/** Body of `PUT budget`. What is used up stops boxes and ends turns. */
export const SetBudgetRequest = z.strictObject({
  ...Budget.shape,
  modelTokens: Budget.shape.modelTokens.default(null),
});
export type SetBudgetRequest = z.infer<typeof SetBudgetRequest>;

/** Answer of `PUT budget`. */
export const WorkspaceBudget = Budget.extend({
  /** What of it is used this month. Of several boxes that are up at once each counts. */
  usedSeconds: z.number().nonnegative(),
  usedModelTokens: z.int().nonnegative(),
  /** When the month began, and when the next one begins. */
  from: Timestamp,
  to: Timestamp,
});
export type WorkspaceBudget = z.infer<typeof WorkspaceBudget>;

/** Answer of `GET /v1/workspaces/:ws/usage`. */
export const WorkspaceUsage = z.object({
  from: Timestamp,
  to: Timestamp,
  /** For how long boxes were up. A box that is up still counts until now. */
  warmSeconds: z.number().nonnegative(),
  /** What models of agents were asked and said. */
  model: TurnUsage,
  budget: WorkspaceBudget,
});
export type WorkspaceUsage = z.infer<typeof WorkspaceUsage>;

/** Answer of `GET sessions/:sid/usage`: of the session's box, which it may share. */
export const SessionUsage = z.object({
  sandboxGroupId: Id,
  from: Timestamp,
  to: Timestamp,
  warmSeconds: z.number().nonnegative(),
  /** What models were asked and said in the session's own turns. */
  model: TurnUsage,
  /** When the box was up, the newest first; the oldest are left out when there are more than a thousand. */
  intervals: z.array(
    z.object({
      leaseEpoch: z.int().nonnegative(),
      provider: z.string(),
      startedAt: Timestamp,
      /** Null while it is up. */
      endedAt: Timestamp.nullable(),
    }),
  ),
});
export type SessionUsage = z.infer<typeof SessionUsage>;
