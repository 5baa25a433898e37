import {
  type NewAuditEntry,
  type NewEvent,
  type OpRecord,
  type OpResult,
  type OpStore,
  SandboxError,
  type ToldOutput,
} from '@boxyard/sandbox-core';
import { appendingEvents } from './append-events.ts';
import { insertingAudit } from './audit-log.ts';
import { asJson, type Database } from './connect.ts';
import type { EventSignals } from './event-signals.ts';

interface OpRow {
  readonly session_id: string;
  readonly id: string;
  readonly group_id: string;
  readonly body_digest: string;
  readonly command: OpRecord['command'];
  readonly lease_epoch: number;
  /** Null for one of before this was recorded. */
  readonly host_id: string | null;
  readonly background: boolean;
  readonly emit_stream: boolean;
  readonly started_at: Date;
  readonly state: OpRecord['state'];
  readonly result: (Omit<OpResult, 'endedAt'> & { readonly endedAt: string }) | null;
}

export class PostgresOpStore implements OpStore {
  readonly #database: Database;
  readonly #signals: EventSignals;

  constructor(database: Database, signals: EventSignals) {
    this.#database = database;
    this.#signals = signals;
  }

  async start(
    op: OpRecord,
    events: readonly NewEvent[],
    audit?: NewAuditEntry,
  ): Promise<{ created: boolean; op: OpRecord }> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Starting an op',
      sql<(OpRow & { created: boolean })[]>`
        WITH locked AS MATERIALIZED (${this.#lockGroup(op.groupId)}),
        inserted AS (
          INSERT INTO ops (
            session_id, id, group_id, body_digest, command, lease_epoch, background, emit_stream, started_at,
            state, result, host_id
          )
          SELECT l.session_id, ${op.id}, locked.group_id, ${op.bodyDigest}, ${op.command}, ${op.leaseEpoch}::integer,
            ${op.background}::boolean, ${op.emitStream}::boolean, ${op.startedAt}::timestamptz, 'running', NULL,
            ${op.hostId}
          -- Locked, because an op of a session that is deleted meanwhile would outlive it.
          FROM locked CROSS JOIN session_logs l WHERE l.session_id = ${op.sessionId}
          FOR KEY SHARE OF l
          ON CONFLICT (session_id, id) DO NOTHING
          RETURNING *
        ),
        ${appendingEvents(
          sql,
          sql`SELECT group_id FROM inserted`,
          sql`l.session_id = ${op.sessionId}`,
          events,
          {
            mutates: false,
            leaseEpoch: op.leaseEpoch,
          },
        )}
        ${
          audit === undefined
            ? sql``
            : sql`, audited AS (${insertingAudit(sql, [audit], sql`EXISTS (SELECT FROM inserted)`)})`
        }
        SELECT inserted.*, true AS created, (SELECT sessions FROM notified) FROM inserted
        UNION ALL
        SELECT ops.*, false, 0 FROM ops
        WHERE session_id = ${op.sessionId} AND id = ${op.id} AND NOT EXISTS (SELECT FROM inserted)
      `,
    );
    if (row !== undefined) {
      this.#signals.stored(op.sessionId);
      return { created: row.created, op: toOp(row) };
    }
    // Either the session is gone, or the same op was committed by somebody else while this statement ran.
    const other = await this.get(op.sessionId, op.id);
    if (other !== null) return { created: false, op: other };
    throw new SandboxError(
      'not-found',
      `The session ${op.sessionId} does not exist. It may have been deleted.`,
      {
        started: 'no',
      },
    );
  }

  async finish(
    op: Pick<OpRecord, 'id' | 'sessionId' | 'groupId' | 'leaseEpoch'>,
    state: 'ended' | 'lost',
    result: OpResult,
    events: readonly NewEvent[],
  ): Promise<{ revision: number }> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Ending an op',
      sql<{ revision: number }[]>`
        WITH locked AS MATERIALIZED (${this.#lockGroup(op.groupId)}),
        ended AS (
          UPDATE ops SET state = ${state}, result = ${asJson(sql, result)}, finished_at = store_now()
          FROM locked
          WHERE ops.group_id = locked.group_id AND session_id = ${op.sessionId} AND id = ${op.id}
            AND state = 'running'
          RETURNING ops.group_id
        ),
        ${appendingEvents(sql, sql`SELECT group_id FROM ended`, sql`l.session_id = ${op.sessionId}`, events, {
          mutates: true,
          leaseEpoch: op.leaseEpoch,
        })}
        SELECT revision, (SELECT sessions FROM notified) FROM revised
        UNION ALL
        SELECT revision, 0 FROM group_revisions
        WHERE group_id = ${op.groupId} AND NOT EXISTS (SELECT FROM ended)
      `,
    );
    if (row === undefined) {
      throw new SandboxError(
        'not-found',
        `The group ${op.groupId} does not exist. It may have been deleted.`,
        {
          started: 'no',
        },
      );
    }
    this.#signals.stored(op.sessionId);
    return { revision: row.revision };
  }

  /** Before any row of ops: deletion takes them in this order too, and neither waits for the other. */
  #lockGroup(groupId: string) {
    return this.#database.sql`SELECT group_id FROM group_revisions WHERE group_id = ${groupId} FOR UPDATE`;
  }

  async get(sessionId: string, opId: string): Promise<OpRecord | null> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Reading an op',
      sql<OpRow[]>`SELECT * FROM ops WHERE session_id = ${sessionId} AND id = ${opId}`,
    );
    return row === undefined ? null : toOp(row);
  }

  async list(sessionId: string): Promise<readonly OpRecord[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing ops',
      sql<OpRow[]>`SELECT * FROM ops WHERE session_id = ${sessionId} ORDER BY started_at, id`,
    );
    return rows.map(toOp);
  }

  async running(
    limit: number,
    adoptableBy?: { readonly hostId: string; readonly silentMs: number },
  ): Promise<readonly OpRecord[]> {
    const { sql } = this.#database;
    const adoptable =
      adoptableBy === undefined ? sql`true` : this.#adoptable(adoptableBy.hostId, adoptableBy.silentMs);
    const rows = await this.#database.run(
      'Listing running ops',
      sql<
        OpRow[]
      >`SELECT * FROM ops WHERE state = 'running' AND ${adoptable} ORDER BY started_at, id LIMIT ${limit}`,
    );
    return rows.map(toOp);
  }

  async expired(endedBefore: Date, limit: number): Promise<readonly OpRecord[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing expired ops',
      sql<OpRow[]>`
        SELECT * FROM ops WHERE state <> 'running' AND finished_at < ${endedBefore}
        ORDER BY finished_at, id LIMIT ${limit}
      `,
    );
    return rows.map(toOp);
  }

  async adopt(
    op: Pick<OpRecord, 'id' | 'sessionId'>,
    hostId: string,
    { silentMs }: { readonly silentMs: number },
  ): Promise<ToldOutput | null> {
    const { sql } = this.#database;
    const adopted = await this.#database.run(
      'Taking over an op',
      sql`
        UPDATE ops SET host_id = ${hostId}
        WHERE session_id = ${op.sessionId} AND id = ${op.id} AND state = 'running'
          AND ${this.#adoptable(hostId, silentMs)}
      `,
    );
    return adopted.count === 0 ? null : this.#toldOf(op);
  }

  #adoptable(hostId: string, silentMs: number) {
    return this.#database.sql`(
      host_id IS NULL OR host_id = ${hostId} OR NOT EXISTS (
        SELECT FROM hosts h WHERE h.id = ops.host_id AND h.seen_at_ms > store_now_ms() - ${silentMs}::bigint
      )
    )`;
  }

  /** A delta that was stored twice, because its first answer was lost, counts once. */
  async #toldOf(op: Pick<OpRecord, 'id' | 'sessionId'>): Promise<ToldOutput> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Reading what was told of an op',
      sql<{ stdout: number; stderr: number; next_seq: number; elided: boolean }[]>`
        -- Each type by itself, and before its data is read: that of other events may hold what text cannot.
        WITH deltas AS MATERIALIZED (
          SELECT data FROM events
          WHERE session_id = ${op.sessionId} AND type = 'sandbox.command.output.delta'
        ),
        elided AS MATERIALIZED (
          SELECT data FROM events WHERE session_id = ${op.sessionId} AND type = 'output.elided'
        ),
        told AS (
          SELECT DISTINCT ON ((data ->> 'seq')::bigint)
            (data ->> 'seq')::bigint AS seq, data ->> 'stream' AS stream, octet_length(data ->> 'chunk') AS bytes
          FROM deltas WHERE data ->> 'opId' = ${op.id}
        )
        SELECT coalesce(sum(bytes) FILTER (WHERE stream = 'stdout'), 0)::bigint AS stdout,
          coalesce(sum(bytes) FILTER (WHERE stream = 'stderr'), 0)::bigint AS stderr,
          coalesce(max(seq) + 1, 0) AS next_seq,
          EXISTS (SELECT FROM elided WHERE data ->> 'opId' = ${op.id}) AS elided
        FROM told
      `,
    );
    const { stdout, stderr, next_seq, elided } = row!;
    return { stdoutBytes: stdout, stderrBytes: stderr, nextSeq: next_seq, elided };
  }

  async remove(ops: readonly Pick<OpRecord, 'id' | 'sessionId'>[]): Promise<void> {
    if (ops.length === 0) return;
    const { sql } = this.#database;
    const keys = ops.map(({ sessionId, id }) => ({ sessionId, id }));
    await this.#database.run(
      'Removing ops',
      sql`
        DELETE FROM ops WHERE state <> 'running' AND (session_id, id) IN (
          SELECT key ->> 'sessionId', key ->> 'id' FROM json_array_elements(${asJson(sql, keys)}) AS key
        )
      `,
    );
  }
}

function toOp(row: OpRow): OpRecord {
  return {
    id: row.id,
    sessionId: row.session_id,
    groupId: row.group_id,
    bodyDigest: row.body_digest,
    command: row.command,
    leaseEpoch: row.lease_epoch,
    hostId: row.host_id ?? '',
    background: row.background,
    emitStream: row.emit_stream,
    startedAt: row.started_at,
    state: row.state,
    result: row.result === null ? null : { ...row.result, endedAt: new Date(row.result.endedAt) },
  };
}
