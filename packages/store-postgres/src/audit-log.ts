import type { AuditLog, ListAuditQuery, NewAuditEntry, StoredAuditEntry } from '@boxyard/sandbox-core';
import type { PendingQuery, Row } from 'postgres';
import { asJson, type Database, type Sql } from './connect.ts';

interface AuditRow {
  readonly id: string;
  readonly at: Date;
  readonly workspace_id: string;
  readonly session_id: string | null;
  readonly actor_kind: StoredAuditEntry['actor']['kind'];
  readonly actor_id: string;
  readonly action: StoredAuditEntry['action'];
  readonly target: string | null;
  readonly request_id: string | null;
  readonly outcome: StoredAuditEntry['outcome'];
  readonly detail: StoredAuditEntry['detail'];
}

/**
 * The statement that adds entries, also as a part of another one: a command and who ran it are one step.
 *
 * @param when a condition on the rest of that statement.
 */
export function insertingAudit(
  sql: Sql,
  entries: readonly NewAuditEntry[],
  when?: PendingQuery<Row[]>,
): PendingQuery<Row[]> {
  const rows = entries.map(({ actor, detail, ...entry }) => ({
    ...entry,
    actorKind: actor.kind,
    actorId: actor.id,
    // A string inside the JSON, because taking a member out of it would refuse a NUL.
    detail: JSON.stringify(detail),
  }));
  return sql`
    INSERT INTO audit_log (
      id, at, workspace_id, session_id, actor_kind, actor_id, action, target, request_id, outcome, detail
    )
    SELECT e ->> 'id', store_now(), e ->> 'workspaceId', e ->> 'sessionId', e ->> 'actorKind', e ->> 'actorId',
      e ->> 'action', e ->> 'target', e ->> 'requestId', e ->> 'outcome', (e ->> 'detail')::json
    FROM json_array_elements(${asJson(sql, rows)}) AS e
    ${when === undefined ? sql`` : sql`WHERE ${when}`}
    ON CONFLICT (id) DO NOTHING
  `;
}

export class PostgresAuditLog implements AuditLog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async append(entries: readonly NewAuditEntry[]): Promise<void> {
    if (entries.length === 0) return;
    await this.#database.run('Writing the audit', insertingAudit(this.#database.sql, entries));
  }

  async list(workspaceId: string, query: ListAuditQuery): Promise<readonly StoredAuditEntry[]> {
    const { sql } = this.#database;
    const { after, action, actorId, sessionId, from, to, limit } = query;
    const unless = (value: unknown, condition: PendingQuery<Row[]>) =>
      value === undefined ? sql`` : condition;
    const rows = await this.#database.run(
      'Reading the audit',
      sql<AuditRow[]>`
        SELECT * FROM audit_log WHERE workspace_id = ${workspaceId}
        ${unless(after, sql`AND id < ${after ?? null}`)}
        ${unless(action, sql`AND action = ${action ?? null}`)}
        ${unless(actorId, sql`AND actor_id = ${actorId ?? null}`)}
        ${unless(sessionId, sql`AND session_id = ${sessionId ?? null}`)}
        ${unless(from, sql`AND at >= ${from ?? null}`)}
        ${unless(to, sql`AND at < ${to ?? null}`)}
        ORDER BY id DESC LIMIT ${limit}
      `,
    );
    return rows.map((row) => ({
      id: row.id,
      at: row.at,
      workspaceId: row.workspace_id,
      sessionId: row.session_id,
      actor: { kind: row.actor_kind, id: row.actor_id },
      action: row.action,
      target: row.target,
      requestId: row.request_id,
      outcome: row.outcome,
      detail: row.detail,
    }));
  }

  async trim(olderThan: Date, limit: number): Promise<number> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Trimming the audit',
      sql<{ removed: number }[]>`SELECT trim_audit(${olderThan}, ${limit}) AS removed`,
    );
    return row!.removed;
  }
}
