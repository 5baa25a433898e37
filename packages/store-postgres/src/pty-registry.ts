import {
  HOST_SILENT_MS,
  type KnownPty,
  type NewEvent,
  PTY_END_KEPT_MS,
  type PtyRecord,
  type PtyRecordEnd,
  type PtyRegistry,
  SandboxError,
} from '@boxyard/sandbox-core';
import { appendingEvents } from './append-events.ts';
import { asJson, type Database } from './connect.ts';
import type { EventSignals } from './event-signals.ts';

interface PtyRow {
  readonly id: string;
  readonly session_id: string;
  readonly group_id: string;
  readonly host_id: string;
  readonly lease_epoch: number;
  readonly cols: number;
  readonly rows: number;
  readonly created_at: Date;
  readonly ended: PtyRecordEnd | null;
}

type KnownRow = PtyRow & { readonly host_alive: boolean };

/** A call that nobody answered or fetched for so long has been given up by its caller. */
const OLD_CALL_MS = 5 * 60_000;
const OLD_HOST_MS = 24 * 60 * 60_000;

export class PostgresPtyRegistry implements PtyRegistry {
  readonly #database: Database;
  readonly #signals: EventSignals;

  constructor(database: Database, signals: EventSignals) {
    this.#database = database;
    this.#signals = signals;
  }

  async add(pty: PtyRecord, events: readonly NewEvent[]): Promise<void> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Recording a terminal',
      sql<{ revision: number }[]>`
        WITH locked AS MATERIALIZED (${this.#lockGroup(pty.groupId)}),
        inserted AS (
          INSERT INTO ptys (id, session_id, group_id, host_id, lease_epoch, cols, rows, created_at)
          SELECT ${pty.id}, l.session_id, locked.group_id, ${pty.hostId}, ${pty.leaseEpoch}::integer,
            ${pty.cols}::integer, ${pty.rows}::integer, ${pty.createdAt}::timestamptz
          FROM locked CROSS JOIN session_logs l WHERE l.session_id = ${pty.sessionId}
          FOR KEY SHARE OF l
          RETURNING group_id
        ),
        ${appendingEvents(
          sql,
          sql`SELECT group_id FROM inserted`,
          sql`l.session_id = ${pty.sessionId}`,
          events,
          { mutates: false, leaseEpoch: pty.leaseEpoch },
        )}
        SELECT revision, (SELECT sessions FROM notified) FROM revised
      `,
    );
    if (row !== undefined) return this.#signals.stored(pty.sessionId);
    throw new SandboxError(
      'not-found',
      `The session ${pty.sessionId} does not exist. It may have been deleted.`,
      { started: 'no' },
    );
  }

  async end(
    pty: Pick<PtyRecord, 'id' | 'sessionId' | 'groupId' | 'leaseEpoch'>,
    end: PtyRecordEnd,
    events: readonly NewEvent[],
  ): Promise<boolean> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Ending a terminal',
      sql`
        WITH locked AS MATERIALIZED (${this.#lockGroup(pty.groupId)}),
        ended AS (
          UPDATE ptys SET ended = ${asJson(sql, end)}, ended_at_ms = store_now_ms()
          FROM locked WHERE ptys.group_id = locked.group_id AND ptys.id = ${pty.id} AND ended_at_ms IS NULL
          RETURNING ptys.group_id
        ),
        ${appendingEvents(
          sql,
          sql`SELECT group_id FROM ended`,
          sql`l.session_id = ${pty.sessionId}`,
          events,
          {
            mutates: false,
            leaseEpoch: pty.leaseEpoch,
          },
        )}
        SELECT revision, (SELECT sessions FROM notified) FROM revised
      `,
    );
    if (rows.length === 0) return false;
    this.#signals.stored(pty.sessionId);
    return true;
  }

  async resized(ptyId: string, cols: number, rows: number): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      "Recording a terminal's size",
      sql`UPDATE ptys SET cols = ${cols}::integer, rows = ${rows}::integer WHERE id = ${ptyId}`,
    );
  }

  async get(sessionId: string, ptyId: string): Promise<KnownPty | null> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Reading a terminal',
      sql<KnownRow[]>`${this.#known()} WHERE p.session_id = ${sessionId} AND p.id = ${ptyId}`,
    );
    return row === undefined ? null : toKnown(row);
  }

  async list(sessionId: string): Promise<readonly KnownPty[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing terminals',
      sql<KnownRow[]>`
        ${this.#known()} WHERE p.session_id = ${sessionId} AND p.ended_at_ms IS NULL
        ORDER BY p.created_at, p.id
      `,
    );
    return rows.map(toKnown);
  }

  async beat(hostId: string): Promise<readonly string[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Saying that this server lives',
      sql<{ id: string }[]>`
        WITH seen AS (
          INSERT INTO hosts (id, seen_at_ms) VALUES (${hostId}, store_now_ms())
          ON CONFLICT (id) DO UPDATE SET seen_at_ms = excluded.seen_at_ms
        ),
        old_calls AS (DELETE FROM host_calls WHERE placed_at_ms < store_now_ms() - ${OLD_CALL_MS}::bigint),
        old_ptys AS (DELETE FROM ptys WHERE ended_at_ms < store_now_ms() - ${PTY_END_KEPT_MS}::bigint),
        old_hosts AS (
          DELETE FROM hosts WHERE seen_at_ms < store_now_ms() - ${OLD_HOST_MS}::bigint AND id <> ${hostId}
        )
        SELECT id FROM ptys WHERE host_id = ${hostId} AND ended_at_ms IS NULL
      `,
    );
    return rows.map(({ id }) => id);
  }

  async orphans(
    hostId: string,
    {
      silentMs,
      limit,
      alsoIds = [],
    }: { readonly silentMs: number; readonly limit: number; readonly alsoIds?: readonly string[] },
  ): Promise<readonly PtyRecord[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Looking for terminals of servers that died',
      sql<PtyRow[]>`
        SELECT p.* FROM ptys p LEFT JOIN hosts h ON h.id = p.host_id
        WHERE p.ended_at_ms IS NULL AND (
          (p.host_id <> ${hostId} AND coalesce(h.seen_at_ms, 0) <= store_now_ms() - ${silentMs}::bigint)
          OR p.id IN (SELECT json_array_elements_text(${asJson(sql, alsoIds)}))
        )
        ORDER BY p.id LIMIT ${limit}
      `,
    );
    return rows.map(toRecord);
  }

  #known() {
    return this.#database.sql`
      SELECT p.*, coalesce(h.seen_at_ms, 0) > store_now_ms() - ${HOST_SILENT_MS}::bigint AS host_alive
      FROM ptys p LEFT JOIN hosts h ON h.id = p.host_id
    `;
  }

  /** Before any other row, as every append does. */
  #lockGroup(groupId: string) {
    return this.#database.sql`SELECT group_id FROM group_revisions WHERE group_id = ${groupId} FOR UPDATE`;
  }
}

function toRecord(row: PtyRow): PtyRecord {
  return {
    id: row.id,
    sessionId: row.session_id,
    groupId: row.group_id,
    hostId: row.host_id,
    leaseEpoch: row.lease_epoch,
    cols: row.cols,
    rows: row.rows,
    createdAt: row.created_at,
  };
}

const toKnown = (row: KnownRow): KnownPty => ({
  ...toRecord(row),
  end: row.ended,
  hostAlive: row.host_alive,
});
