import type {
  CallOptions,
  Lease,
  TurnUsage,
  UsageInterval,
  UsageStore,
  UsageWindow,
  WorkspaceBudget,
} from '@boxyard/sandbox-core';
import type { PendingQuery, Row } from 'postgres';
import type { Database, Sql } from './connect.ts';

const isRunning = (lease: Lease) => lease.state !== 'cold' && lease.box !== null;

/**
 * Statements, or common table expressions of one, that note when the box of a lease went up or down, once `condition`
 * holds. Null when this change of the lease did neither.
 */
export function meterChange(
  sql: Sql,
  before: Lease,
  after: Lease,
  condition: PendingQuery<Row[]>,
): { readonly ended: PendingQuery<Row[]> | null; readonly started: PendingQuery<Row[]> | null } {
  const [was, is] = [isRunning(before), isRunning(after)];
  const moved = before.epoch !== after.epoch;
  const ended =
    was && (!is || moved)
      ? sql`
          UPDATE box_usage SET ended_at_ms = greatest(started_at_ms, store_now_ms())
          WHERE group_id = ${before.groupId} AND epoch = ${before.epoch} AND ended_at_ms IS NULL AND ${condition}
        `
      : null;
  const started =
    is && (!was || moved)
      ? sql`
          INSERT INTO box_usage (group_id, epoch, workspace_id, provider, started_at_ms)
          SELECT ${after.groupId}, ${after.epoch}::integer, ${after.workspaceId}, ${after.box?.provider ?? ''},
            store_now_ms()
          WHERE ${condition} ON CONFLICT (group_id, epoch) DO NOTHING
        `
      : null;
  return { ended, started };
}

interface BudgetRow {
  readonly warm_seconds: number | null;
  readonly model_tokens: number | null;
  readonly used_ms: number;
  readonly used_tokens: number;
  readonly month: number;
  readonly next_month: number;
}

interface IntervalRow {
  readonly epoch: number;
  readonly provider: string;
  readonly started_at_ms: number;
  readonly ended_at_ms: number | null;
}

export class PostgresUsageStore implements UsageStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async warmMs(
    workspaceId: string,
    { fromMs, toMs }: UsageWindow,
    options: CallOptions & { readonly groupId?: string | undefined } = {},
  ): Promise<number> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Reading the usage',
      sql<{ used: number }[]>`
        SELECT warm_ms(${workspaceId}, ${options.groupId ?? null}, ${fromMs}::bigint, ${toMs}::bigint) AS used
      `,
      options,
    );
    return row?.used ?? 0;
  }

  async intervals(
    groupId: string,
    { fromMs, toMs }: UsageWindow,
    options: CallOptions & { readonly limit: number },
  ): Promise<readonly UsageInterval[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Reading when a box was up',
      sql<IntervalRow[]>`
        SELECT epoch, provider, started_at_ms, ended_at_ms FROM box_usage
        WHERE group_id = ${groupId} AND started_at_ms < ${toMs}::bigint
          AND coalesce(ended_at_ms, ${toMs}::bigint) > ${fromMs}::bigint
        ORDER BY epoch DESC LIMIT ${options.limit}
      `,
      options,
    );
    return rows.map(({ epoch, provider, started_at_ms, ended_at_ms }) => ({
      epoch,
      provider,
      startedAtMs: started_at_ms,
      endedAtMs: ended_at_ms,
    }));
  }

  async modelUsage(
    workspaceId: string,
    { fromMs, toMs }: UsageWindow,
    options: CallOptions & { readonly sessionId?: string | undefined } = {},
  ): Promise<TurnUsage> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Reading what models were asked',
      sql<TurnUsage[]>`
        SELECT coalesce(sum(model_calls), 0)::bigint AS "modelCalls",
          coalesce(sum(input_tokens), 0)::bigint AS "inputTokens",
          coalesce(sum(output_tokens), 0)::bigint AS "outputTokens"
        FROM model_usage WHERE workspace_id = ${workspaceId}
          AND session_id = coalesce(${options.sessionId ?? null}, session_id)
          AND at_ms >= ${fromMs}::bigint AND at_ms < ${toMs}::bigint
      `,
      options,
    );
    return row!;
  }

  async budget(workspaceId: string, options?: CallOptions): Promise<WorkspaceBudget> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Reading a budget',
      sql<BudgetRow[]>`
        SELECT b.warm_seconds, b.model_tokens, month, next_month,
          warm_ms(${workspaceId}, NULL, month, next_month) AS used_ms,
          model_tokens(${workspaceId}, month, next_month) AS used_tokens
        FROM (
          SELECT month_start_ms() AS month, (extract(epoch FROM
            (to_timestamp(month_start_ms() / 1000) AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'
          ) * 1000)::bigint AS next_month
        ) of_month LEFT JOIN workspace_budgets b ON b.workspace_id = ${workspaceId}
      `,
      options,
    );
    const { warm_seconds, model_tokens, used_ms, used_tokens, month, next_month } = row!;
    return {
      limitSeconds: warm_seconds,
      usedMs: used_ms,
      limitModelTokens: model_tokens,
      usedModelTokens: used_tokens,
      month: { fromMs: month, toMs: next_month },
    };
  }

  async usedUp(workspaceId: string, options?: CallOptions): Promise<WorkspaceBudget | null> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Looking whether a budget is used up',
      sql`SELECT FROM workspace_budgets b WHERE b.workspace_id = ${workspaceId} AND is_used_up(b)`,
      options,
    );
    if (row === undefined) return null;
    const budget = await this.budget(workspaceId, options);
    // It may have been taken away meanwhile.
    return budget.limitSeconds === null && budget.limitModelTokens === null ? null : budget;
  }

  async setBudget(workspaceId: string, limitSeconds: number | null, options?: CallOptions): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      'Setting a budget',
      sql`
        INSERT INTO workspace_budgets (workspace_id, warm_seconds) VALUES (${workspaceId}, ${limitSeconds}::bigint)
        ON CONFLICT (workspace_id) DO UPDATE SET warm_seconds = excluded.warm_seconds
      `,
      options,
    );
  }

  async setModelBudget(
    workspaceId: string,
    limitTokens: number | null,
    options?: CallOptions,
  ): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      'Setting a budget of the model',
      sql`
        INSERT INTO workspace_budgets (workspace_id, model_tokens) VALUES (${workspaceId}, ${limitTokens}::bigint)
        ON CONFLICT (workspace_id) DO UPDATE SET model_tokens = excluded.model_tokens
      `,
      options,
    );
  }

  async overBudget(
    limit: number,
    options?: CallOptions,
  ): Promise<readonly { readonly groupId: string; readonly workspaceId: string }[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Looking for boxes over budget',
      // What is used is summed for workspaces that have both a budget and a box that is up, and for no others.
      sql<{ group_id: string; workspace_id: string }[]>`
        WITH exhausted AS MATERIALIZED (
          SELECT b.workspace_id FROM workspace_budgets b
          WHERE EXISTS (SELECT FROM box_usage u WHERE u.workspace_id = b.workspace_id AND u.ended_at_ms IS NULL)
            AND is_used_up(b)
        )
        SELECT u.group_id, u.workspace_id FROM exhausted JOIN box_usage u USING (workspace_id)
        WHERE u.ended_at_ms IS NULL ORDER BY u.started_at_ms LIMIT ${limit}
      `,
      options,
    );
    return rows.map(({ group_id, workspace_id }) => ({ groupId: group_id, workspaceId: workspace_id }));
  }

  async trim(olderThan: Date, limit: number): Promise<number> {
    const { sql } = this.#database;
    const before = sql`least(${olderThan.getTime()}::bigint, month_start_ms())`;
    const boxes = await this.#database.run(
      'Trimming the usage',
      sql`
        DELETE FROM box_usage WHERE (group_id, epoch) IN (
          SELECT group_id, epoch FROM box_usage
          WHERE ended_at_ms < ${before} ORDER BY ended_at_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED
        )
      `,
    );
    const models = await this.#database.run(
      'Trimming the usage of models',
      sql`
        DELETE FROM model_usage WHERE ctid = ANY (ARRAY(
          SELECT ctid FROM model_usage
          WHERE at_ms < ${before} ORDER BY at_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED
        ))
      `,
    );
    return boxes.count + models.count;
  }
}
