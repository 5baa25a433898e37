import {
  type AppendOptions,
  type EventAudience,
  type EventLog,
  type LoggedEvent,
  type NewEvent,
  SandboxError,
} from '@boxyard/sandbox-core';
import { appendingEvents } from './append-events.ts';
import type { Database } from './connect.ts';
import type { EventSignals } from './event-signals.ts';

interface EventRow {
  readonly session_id: string;
  readonly seq: number;
  readonly at: Date;
  readonly type: string;
  readonly data: LoggedEvent['data'];
  readonly revision: number;
  readonly lease_epoch: number;
  readonly turn_id: string | null;
}

export class PostgresEventLog implements EventLog {
  readonly #database: Database;
  readonly #signals: EventSignals;

  constructor(database: Database, signals: EventSignals) {
    this.#database = database;
    this.#signals = signals;
  }

  async append(
    audience: EventAudience,
    events: readonly NewEvent[],
    options: AppendOptions,
  ): Promise<number> {
    if (events.length === 0 && !options.mutates) return this.#revisionFor(audience);
    const { sql } = this.#database;
    const [group, sessions] =
      'groupId' in audience
        ? [sql`SELECT ${audience.groupId}::text`, sql`l.group_id = r.group_id`]
        : [
            sql`SELECT group_id FROM session_logs WHERE session_id = ${audience.sessionId}`,
            sql`l.session_id = ${audience.sessionId}`,
          ];
    const [row] = await this.#database.run(
      'Appending events',
      sql<{ revision: number; session_ids: readonly string[] | null }[]>`
        WITH ${appendingEvents(sql, group, sessions, events, options)}
        SELECT revision, sessions, session_ids FROM revised, notified
      `,
    );
    if (row === undefined) throw noLog(audience);
    this.#signals.stored(...(row.session_ids ?? []));
    return row.revision;
  }

  async revision(groupId: string): Promise<number> {
    return this.#revisionFor({ groupId });
  }

  async #revisionFor(audience: EventAudience): Promise<number> {
    const { sql } = this.#database;
    const group =
      'groupId' in audience
        ? sql`${audience.groupId}`
        : sql`(SELECT group_id FROM session_logs WHERE session_id = ${audience.sessionId})`;
    const [row] = await this.#database.run(
      'Reading a revision',
      sql<{ revision: number }[]>`SELECT revision FROM group_revisions WHERE group_id = ${group}`,
    );
    if (row === undefined) throw noLog(audience);
    return row.revision;
  }

  async read(
    sessionId: string,
    { after, limit }: { readonly after: number; readonly limit: number },
  ): Promise<readonly LoggedEvent[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Reading events',
      sql<EventRow[]>`
        SELECT session_id, seq, at, type, data, revision, lease_epoch, turn_id FROM events
        WHERE session_id = ${sessionId} AND seq > ${after} ORDER BY seq LIMIT ${limit}
      `,
    );
    return rows.map((row) => ({
      sessionId: row.session_id,
      seq: row.seq,
      at: row.at,
      type: row.type,
      data: row.data,
      revision: row.revision,
      leaseEpoch: row.lease_epoch,
      ...(row.turn_id === null ? {} : { turnId: row.turn_id }),
    }));
  }

  subscribe(sessionId: string, onAppended: () => void): () => void {
    return this.#signals.subscribe(sessionId, onAppended);
  }

  async trim(olderThan: Date, limit: number): Promise<number> {
    const { sql } = this.#database;
    const removed = await this.#database.run(
      'Trimming events',
      sql`
        DELETE FROM events WHERE (session_id, seq) IN (
          SELECT session_id, seq FROM events WHERE at < ${olderThan} ORDER BY at LIMIT ${limit}
        )
      `,
    );
    return removed.count;
  }
}

function noLog(audience: EventAudience): SandboxError {
  const what = 'groupId' in audience ? `group ${audience.groupId}` : `session ${audience.sessionId}`;
  return new SandboxError(
    'not-found',
    `The ${what} does not exist, so it has no log. It may have been deleted.`,
    {
      started: 'no',
    },
  );
}
