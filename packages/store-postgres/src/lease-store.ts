import {
  type BoxRef,
  type BoxToDestroy,
  bounded,
  type CallOptions,
  type CondemnedBox,
  coldLease,
  type DecideLease,
  type HolderKey,
  type JoinHolder,
  type Lease,
  type LeaseState,
  type LeaseStore,
} from '@boxyard/sandbox-core';
import { changeLease } from './change-lease.ts';
import { CondemnedBoxes } from './condemned-boxes.ts';
import { asJson, type Database } from './connect.ts';
import { type LeaseRow, toLease } from './lease-row.ts';
import { type Notifications, topics } from './notifications.ts';

export class PostgresLeaseStore implements LeaseStore {
  readonly #database: Database;
  readonly #notifications: Notifications;
  readonly #condemned: CondemnedBoxes;

  constructor(database: Database, notifications: Notifications) {
    this.#database = database;
    this.#notifications = notifications;
    this.#condemned = new CondemnedBoxes(database);
  }

  async change<Result>(
    { groupId, workspaceId }: { readonly groupId: string; readonly workspaceId: string },
    decide: DecideLease<Result>,
    options?: CallOptions,
  ): Promise<Result> {
    return changeLease(this.#database, coldLease(groupId, workspaceId), decide, options);
  }

  async changeExisting<Result>(
    groupId: string,
    decide: DecideLease<Result>,
    options?: CallOptions,
  ): Promise<Result | null> {
    return changeLease(this.#database, groupId, decide, options);
  }

  async join(
    groupId: string,
    holder: JoinHolder,
    options: CallOptions & { readonly expectedEpoch?: number | undefined } = {},
  ): Promise<{ readonly epoch: number; readonly box: BoxRef } | null> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Joining a lease',
      sql<{ epoch: number; box: BoxRef }[]>`
        WITH clock AS MATERIALIZED (SELECT store_now_ms() AS now)
        UPDATE leases SET
          holders = holders || jsonb_build_object(
            'kind', ${holder.kind}::text, 'id', ${holder.id}::text, 'attempt', ${holder.attempt}::text,
            'subject', ${holder.subject}::text, 'expiresAtMs', now + ${holder.ttlMs}::bigint,
            'inputUntilMs', NULL, 'dirty', false
          ),
          due_at_ms = least(due_at_ms, now + ${holder.ttlMs}::bigint),
          version = version + 1
        FROM clock
        WHERE group_id = ${groupId} AND state = 'warm' AND deleted_at_ms IS NULL
          AND epoch = coalesce(${options.expectedEpoch ?? null}::integer, epoch)
          AND box IS NOT NULL
          AND NOT holders @> jsonb_build_array(
            jsonb_build_object('kind', ${holder.kind}::text, 'id', ${holder.id}::text)
          )
        RETURNING epoch, box
      `,
      options,
    );
    return row ?? null;
  }

  async leave(
    groupId: string,
    holder: HolderKey,
    options: CallOptions & { readonly idleGraceMs: number },
  ): Promise<boolean> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Leaving a lease',
      sql`
        WITH clock AS MATERIALIZED (SELECT store_now_ms() AS now),
        left_by AS (
          UPDATE leases SET version = version + 1, (holders, state, reason, deadline_ms, due_at_ms) = (
            SELECT others,
              CASE WHEN kept THEN state ELSE 'draining' END,
              CASE WHEN kept THEN reason ELSE ${`${holder.kind} let go`} END,
              CASE WHEN kept THEN deadline_ms ELSE least(deadline_ms, drained_ms) END,
              CASE WHEN kept THEN due_at_ms ELSE least(due_at_ms, deadline_ms, drained_ms) END
            FROM (
              SELECT now + coalesce(idle_grace_ms, ${options.idleGraceMs}::bigint) AS drained_ms,
                coalesce(jsonb_agg(h ORDER BY place) FILTER (WHERE NOT mine), '[]') AS others,
                coalesce(bool_or(NOT mine AND keeps), false) AS kept
              FROM jsonb_array_elements(holders) WITH ORDINALITY AS held (h, place),
              LATERAL (
                SELECT h ->> 'kind' = ${holder.kind} AND h ->> 'id' = ${holder.id} AS mine,
                  -- As core's isKeeper: a viewer keeps only while a person's input counts.
                  (h ->> 'expiresAtMs')::bigint > now
                    AND (h ->> 'kind' <> 'viewer' OR coalesce((h ->> 'inputUntilMs')::bigint > now, false)) AS keeps
              ) judged
            ) counted
          )
          FROM clock
          WHERE group_id = ${groupId} AND state = 'warm' AND deleted_at_ms IS NULL
            AND holders @> jsonb_build_array(jsonb_build_object(
              'kind', ${holder.kind}::text, 'id', ${holder.id}::text, 'attempt', ${holder.attempt}::text,
              'dirty', false
            ))
          RETURNING group_id, state
        )
        SELECT CASE WHEN state = 'draining' THEN pg_notify('boxyard', 'lease/' || group_id) END FROM left_by
      `,
      options,
    );
    return rows.length > 0;
  }

  async read(groupId: string, options?: CallOptions): Promise<Lease | null> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Reading a lease',
      sql<LeaseRow[]>`SELECT * FROM leases WHERE group_id = ${groupId}`,
      options,
    );
    return row === undefined ? null : toLease(row);
  }

  async list(groupIds: readonly string[], options?: CallOptions): Promise<readonly Lease[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing leases',
      sql<LeaseRow[]>`
        SELECT * FROM leases WHERE group_id IN (SELECT json_array_elements_text(${asJson(sql, groupIds)}))
        ORDER BY group_id
      `,
      options,
    );
    return rows.map(toLease);
  }

  async up(limit: number, options?: CallOptions): Promise<readonly Lease[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing boxes that are up',
      sql<LeaseRow[]>`
        SELECT * FROM leases WHERE state <> 'cold' AND box IS NOT NULL AND deleted_at_ms IS NULL
        ORDER BY group_id LIMIT ${limit}
      `,
      options,
    );
    return rows.map(toLease);
  }

  async claimed(
    limit: number,
    options: CallOptions & { readonly after?: string | undefined } = {},
  ): Promise<readonly string[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing claimed leases',
      sql<{ group_id: string }[]>`
        SELECT group_id FROM leases
        WHERE state IN ('warming', 'replacing', 'terminating') AND group_id > ${options.after ?? ''}
        ORDER BY group_id LIMIT ${limit}
      `,
      options,
    );
    return rows.map((row) => row.group_id);
  }

  async due(limit: number, options?: CallOptions): Promise<readonly string[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing due leases',
      // The clock in a sub-select is read once, and the index can be used.
      sql<{ group_id: string }[]>`
        SELECT group_id FROM leases WHERE due_at_ms <= (SELECT store_now_ms()) ORDER BY due_at_ms LIMIT ${limit}
      `,
      options,
    );
    return rows.map((row) => row.group_id);
  }

  async waitForChange(
    groupId: string,
    seen: { readonly state: LeaseState; readonly epoch: number },
    options?: CallOptions,
  ): Promise<void> {
    await bounded(options, `Waiting for the lease of ${groupId}`, async (signal, call) => {
      let wake = () => {};
      let woken = false;
      const unsubscribe = this.#notifications.subscribe(topics.lease(groupId), () => {
        woken = true;
        wake();
      });
      signal.addEventListener('abort', () => wake(), { once: true });
      try {
        await this.#notifications.listening(signal);
        while (!signal.aborted) {
          woken = false;
          const lease = await this.read(groupId, call.left());
          const same =
            lease?.state === seen.state && lease.epoch === seen.epoch && lease.deletedAtMs === null;
          if (!same) return;
          await new Promise<void>((resolve) => {
            wake = resolve;
            // What came while the row was read is not lost.
            if (woken || signal.aborted) resolve();
          });
        }
      } finally {
        unsubscribe();
      }
    });
  }

  condemn(boxes: readonly BoxToDestroy[], options?: CallOptions): Promise<void> {
    return this.#condemned.condemn(boxes, options);
  }

  takeCondemned(
    limit: number,
    options: Parameters<LeaseStore['takeCondemned']>[1],
  ): Promise<readonly CondemnedBox[]> {
    return this.#condemned.take(limit, options);
  }

  removeCondemned(id: string, options?: CallOptions): Promise<void> {
    return this.#condemned.remove(id, options);
  }

  allCondemned(limit: number, options?: CallOptions): Promise<readonly CondemnedBox[]> {
    return this.#condemned.all(limit, options);
  }

  listCondemned(groupIds: readonly string[], options?: CallOptions): Promise<readonly CondemnedBox[]> {
    return this.#condemned.list(groupIds, options);
  }
}
