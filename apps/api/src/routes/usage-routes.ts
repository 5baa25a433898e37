import {
  SessionUsage,
  SetBudgetRequest,
  UsageQuery,
  WorkspaceBudget,
  WorkspaceUsage,
} from '@boxyard/contracts';
import type { WorkspaceBudget as StoredBudget, UsageStore, UsageWindow } from '@boxyard/sandbox-core';
import type { RouteTable } from '../define-route.ts';
import { ApiError } from '../problem.ts';
import { actOf } from '../request-audit.ts';
import type { ApiServices } from '../services.ts';

/** More than a thousand starts of one box in a window are no list for a person. */
const MAX_INTERVALS = 1_000;

const timestamp = (ms: number) => new Date(ms).toISOString();
const seconds = (ms: number) => ms / 1000;
const described = ({ fromMs, toMs }: UsageWindow) => ({ from: timestamp(fromMs), to: timestamp(toMs) });

const describeBudget = (budget: StoredBudget): WorkspaceBudget => ({
  warmSeconds: budget.limitSeconds,
  usedSeconds: seconds(budget.usedMs),
  modelTokens: budget.limitModelTokens,
  usedModelTokens: budget.usedModelTokens,
  ...described(budget.month),
});

function windowOf({ from, to }: UsageQuery, { month }: StoredBudget): UsageWindow {
  const fromMs = from === undefined ? month.fromMs : Date.parse(from);
  const toMs = to === undefined ? month.toMs : Date.parse(to);
  if (fromMs < toMs) return { fromMs, toMs };
  throw new ApiError(
    'invalid',
    `The query's from (${timestamp(fromMs)}) is not before its to (${timestamp(toMs)}). Name both, or an earlier from.`,
  );
}

export function addUsageRoutes(routes: RouteTable, { usage, boxes }: ApiServices): void {
  const windowFor = async (store: UsageStore, workspaceId: string, query: UsageQuery) => {
    const budget = await store.budget(workspaceId);
    return { budget, window: windowOf(query, budget) };
  };

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/usage',
      tag: 'workspaces',
      name: 'usage',
      summary:
        'For how long boxes of the workspace were up and what its models took, this month or in a given time, and its budget',
      query: UsageQuery,
      status: 200,
      answer: WorkspaceUsage,
    },
    async ({ query }, c) => {
      const { id } = c.get('workspace');
      const { budget, window } = await windowFor(usage, id, query);
      const warmMs = await usage.warmMs(id, window);
      const model = await usage.modelUsage(id, window);
      return { ...described(window), warmSeconds: seconds(warmMs), model, budget: describeBudget(budget) };
    },
  );

  routes.add(
    {
      route: 'PUT /v1/workspaces/:ws/budget',
      tag: 'workspaces',
      name: 'setBudget',
      summary:
        'For how many seconds boxes may be up in a month, and how many tokens models may take; once either is used up, boxes are captured, stopped and not opened, and turns end',
      body: SetBudgetRequest,
      status: 200,
      answer: WorkspaceBudget,
    },
    async ({ body }, c) => {
      const { id } = c.get('workspace');
      const act = actOf(c);
      act.target = id;
      act.detail = { warmSeconds: String(body.warmSeconds), modelTokens: String(body.modelTokens) };
      await usage.setBudget(id, body.warmSeconds);
      await usage.setModelBudget(id, body.modelTokens);
      return describeBudget(await usage.budget(id));
    },
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/sessions/:sid/usage',
      tag: 'sessions',
      name: 'usage',
      summary: "When the session's box was up and what its model took, this month or in a given time",
      query: UsageQuery,
      status: 200,
      answer: SessionUsage,
    },
    async ({ query }, c) => {
      const { id } = c.get('workspace');
      const { session, group } = await boxes.find(id, c.req.param('sid') ?? '');
      const { window } = await windowFor(usage, id, query);
      const warmMs = await usage.warmMs(id, window, { groupId: group.id });
      const intervals = await usage.intervals(group.id, window, { limit: MAX_INTERVALS });
      return {
        sandboxGroupId: group.id,
        ...described(window),
        warmSeconds: seconds(warmMs),
        model: await usage.modelUsage(id, window, { sessionId: session.id }),
        intervals: intervals.map(({ epoch, provider, startedAtMs, endedAtMs }) => ({
          leaseEpoch: epoch,
          provider,
          startedAt: timestamp(startedAtMs),
          endedAt: endedAtMs === null ? null : timestamp(endedAtMs),
        })),
      };
    },
  );
}
