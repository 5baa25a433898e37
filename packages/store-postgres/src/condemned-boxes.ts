/** Boxes that no lease names any more, until they are destroyed. */
import type { BoxRef, BoxToDestroy, CallOptions, CondemnedBox } from '@boxyard/sandbox-core';
import type { PendingQuery, Row } from 'postgres';
import { asJson, type Database, type Sql } from './connect.ts';

interface CondemnedRow {
  readonly id: string;
  readonly ref: BoxRef;
  readonly group_id: string;
  readonly epoch: number;
  readonly reason: string;
  readonly attempts: number;
}

/** A statement, or a common table expression of one, that adds what is not there yet when `condition` holds. */
export function insertCondemned(
  sql: Sql,
  boxes: readonly BoxToDestroy[],
  condition: PendingQuery<Row[]> = sql`true`,
): PendingQuery<Row[]> {
  const rows = boxes.map(({ ref, groupId, epoch, reason }) => ({
    provider: ref.provider,
    instance: ref.instance,
    ref: JSON.stringify(ref),
    groupId,
    epoch,
    reason,
  }));
  return sql`
    INSERT INTO condemned_boxes (provider, instance, ref, group_id, epoch, reason, due_at_ms)
    SELECT box ->> 'provider', box ->> 'instance', (box ->> 'ref')::json, box ->> 'groupId',
      (box ->> 'epoch')::integer, box ->> 'reason', store_now_ms()
    FROM json_array_elements(${asJson(sql, rows)}) AS box WHERE ${condition}
    ON CONFLICT (provider, instance) DO NOTHING
  `;
}

export class CondemnedBoxes {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async condemn(boxes: readonly BoxToDestroy[], options?: CallOptions): Promise<void> {
    if (boxes.length === 0) return;
    const { sql } = this.#database;
    await this.#database.run('Condemning boxes', insertCondemned(sql, boxes), options);
  }

  async take(
    limit: number,
    options: CallOptions & {
      readonly retryAfterMs: number;
      readonly maxRetryAfterMs: number;
      readonly groupId?: string | undefined;
    },
  ): Promise<readonly CondemnedBox[]> {
    const { sql } = this.#database;
    const { groupId, retryAfterMs, maxRetryAfterMs } = options;
    const rows = await this.#database.run(
      'Taking condemned boxes',
      // The exponent is bounded only so that a box that was tried for weeks does not overflow the number.
      sql<CondemnedRow[]>`
        UPDATE condemned_boxes SET
          due_at_ms = store_now_ms()
            + least(${maxRetryAfterMs}::float8, ${retryAfterMs}::float8 * power(2, least(attempts, 40)))::bigint,
          attempts = attempts + 1
        WHERE id IN (
          SELECT id FROM condemned_boxes WHERE due_at_ms <= (SELECT store_now_ms())
          ${groupId === undefined ? sql`` : sql`AND group_id = ${groupId}`}
          ORDER BY due_at_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED
        )
        RETURNING id, ref, group_id, epoch, reason, attempts
      `,
      options,
    );
    return rows.map(toCondemned);
  }

  async remove(id: string, options?: CallOptions): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      'Removing a condemned box',
      sql`DELETE FROM condemned_boxes WHERE id = ${id}`,
      options,
    );
  }

  async all(limit: number, options?: CallOptions): Promise<readonly CondemnedBox[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing all condemned boxes',
      sql<CondemnedRow[]>`
        SELECT id, ref, group_id, epoch, reason, attempts FROM condemned_boxes
        ORDER BY attempts DESC, id LIMIT ${limit}
      `,
      options,
    );
    return rows.map(toCondemned);
  }

  async list(groupIds: readonly string[], options?: CallOptions): Promise<readonly CondemnedBox[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing condemned boxes',
      sql<CondemnedRow[]>`
        SELECT id, ref, group_id, epoch, reason, attempts FROM condemned_boxes
        WHERE group_id IN (SELECT json_array_elements_text(${asJson(sql, groupIds)})) ORDER BY id
      `,
      options,
    );
    return rows.map(toCondemned);
  }
}

function toCondemned(row: CondemnedRow): CondemnedBox {
  return {
    id: row.id,
    ref: row.ref,
    groupId: row.group_id,
    epoch: row.epoch,
    reason: row.reason,
    attempts: row.attempts,
  };
}
