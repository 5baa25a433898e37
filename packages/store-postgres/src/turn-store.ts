import {
  type ApprovalDecision,
  type ApprovalRecord,
  type AttemptSignals,
  type ClaimedTurn,
  type JournalEntry,
  type JournalRecord,
  type NewEvent,
  type PostedMessage,
  SandboxError,
  type TurnAttempt,
  type TurnRecord,
  type TurnStore,
  type TurnUsage,
} from '@boxyard/sandbox-core';
import postgres from 'postgres';
import { eventRows } from './append-events.ts';
import { asJson, type Database } from './connect.ts';
import type { EventSignals } from './event-signals.ts';
import { type Notifications, topics } from './notifications.ts';
import type { TurnQueueOnDemand } from './turn-queue/turn-queue-on-demand.ts';

interface TurnRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly session_id: string;
  readonly status: TurnRecord['status'];
  readonly attempt: number;
  readonly limits: TurnRecord['limits'];
  readonly approvals: TurnRecord['approvals'];
  readonly cancel_requested: boolean;
  readonly error: TurnRecord['error'];
  readonly usage: TurnUsage;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
}

interface ApprovalRow {
  readonly id: string;
  readonly turn_id: string;
  readonly call_id: string;
  readonly tool: string;
  readonly arguments: string;
  readonly decision: ApprovalDecision | null;
  readonly decided_by: string | null;
}

interface JournalRow {
  readonly seq: number;
  readonly turn_id: string;
  readonly attempt: number;
  readonly kind: JournalEntry['kind'];
  readonly call_id: string | null;
  readonly body: Record<string, unknown>;
}

/** Raised by the functions of the schema when an attempt is not the one that runs the turn. */
const FENCED = 'BX001';

/** Whoever takes them looks again. */
const REQUEUED_AT_ONCE = 100;

export interface TurnStoreParts {
  readonly database: Database;
  readonly notifications: Notifications;
  readonly queue: TurnQueueOnDemand;
  readonly signals: EventSignals;
}

export class PostgresTurnStore implements TurnStore {
  readonly #database: Database;
  readonly #notifications: Notifications;
  /** Every statement that may make a turn due puts it in there. */
  readonly #queue: TurnQueueOnDemand;
  readonly #signals: EventSignals;

  constructor({ database, notifications, queue, signals }: TurnStoreParts) {
    this.#database = database;
    this.#notifications = notifications;
    this.#queue = queue;
    this.#signals = signals;
  }

  async post(message: Parameters<TurnStore['post']>[0]): Promise<PostedMessage> {
    await this.#queue.ready();
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Posting a message',
      sql<{ turn_id: string | null; is_new: boolean }[]>`
        SELECT * FROM post_message(
          ${message.workspaceId}, ${message.sessionId}, ${message.turnId}, ${message.messageId}, ${message.text},
          ${asJson(sql, message.limits)}, ${asJson(sql, message.approvals)},
          ${eventRows(sql, [message.event])} -> 0
        )
      `,
    );
    if (row?.turn_id) {
      this.#signals.stored(message.sessionId);
      return { turnId: row.turn_id, isNewTurn: row.is_new };
    }
    throw new SandboxError(
      'not-found',
      `The session ${message.sessionId} does not exist. It may have been deleted.`,
      { started: 'no' },
    );
  }

  async get(workspaceId: string, sessionId: string, turnId: string): Promise<TurnRecord | null> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Reading a turn',
      sql<TurnRow[]>`
        SELECT * FROM turns
        WHERE id = ${turnId} AND workspace_id = ${workspaceId} AND session_id = ${sessionId}
      `,
    );
    return row === undefined ? null : toTurn(row);
  }

  takeDue(limit: number): Promise<readonly string[]> {
    return this.#queue.take(limit);
  }

  async requeue(ttlMs: number): Promise<void> {
    await this.#queue.ready();
    const { sql } = this.#database;
    await this.#database.run(
      'Looking for turns that nobody runs',
      sql`SELECT requeue_turns(${ttlMs}::bigint, ${REQUEUED_AT_ONCE})`,
    );
  }

  async claim(turnId: string, worker: string, ttlMs: number): Promise<ClaimedTurn | null> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Taking up a turn',
      sql<(TurnRow & { state: string | null; worked_ms: number })[]>`
        SELECT (c.claimed).*, c.state, c.worked_ms FROM claim_turn(${turnId}, ${worker}, ${ttlMs}::bigint) c
      `,
    );
    if (row === undefined) return null;
    const turn = toTurn(row);
    const attempt = { turnId, sessionId: turn.sessionId, attempt: turn.attempt };
    return { turn, attempt, runState: row.state, workedMs: row.worked_ms };
  }

  async beat(attempt: TurnAttempt): Promise<AttemptSignals> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Beating for a turn',
      sql<{ cancel_requested: boolean; has_messages: boolean }[]>`
        UPDATE turn_attempts a SET beat_at = store_now() FROM turns t
        WHERE a.turn_id = ${attempt.turnId} AND a.attempt = ${attempt.attempt} AND a.ended_at IS NULL
          AND t.id = a.turn_id
        RETURNING t.cancel_requested,
          EXISTS (SELECT FROM turn_messages m WHERE m.turn_id = t.id AND NOT m.taken) AS has_messages
      `,
    );
    if (row === undefined) throw fenced(attempt);
    return { cancelRequested: row.cancel_requested, hasMessages: row.has_messages };
  }

  async takeMessages(attempt: TurnAttempt): Promise<readonly string[]> {
    const { sql } = this.#database;
    const rows = await this.#fencedRun(
      attempt,
      'Taking messages',
      sql<{ text: string }[]>`SELECT text FROM take_messages(${attempt.turnId}, ${attempt.attempt}) text`,
    );
    return rows.map(({ text }) => text);
  }

  async record(
    attempt: TurnAttempt,
    entries: readonly JournalEntry[],
    usage: TurnUsage | null = null,
    events: readonly NewEvent[] = [],
  ): Promise<Pick<AttemptSignals, 'hasMessages'>> {
    const { sql } = this.#database;
    const { turnId, attempt: number } = attempt;
    // As with events: a NUL inside a body would not survive being taken out of the JSON as it is.
    const rows = entries.map(({ body, ...entry }) => ({ ...entry, body: JSON.stringify(body) }));
    const [row] = await this.#fencedRun(
      attempt,
      'Writing the journal of a turn',
      sql<{ has_messages: boolean }[]>`
        SELECT
          record_journal(${turnId}, ${number}, ${asJson(sql, rows)}, ${usage === null ? null : asJson(sql, usage)}),
          tell_of_turn(${turnId}, ${number}, ${eventRows(sql, events)}),
          EXISTS (SELECT FROM turn_messages m WHERE m.turn_id = ${turnId} AND NOT m.taken) AS has_messages
      `,
    );
    if (events.length > 0) this.#signals.stored(attempt.sessionId);
    return { hasMessages: row?.has_messages ?? true };
  }

  async tell(attempt: TurnAttempt, events: readonly NewEvent[]): Promise<void> {
    const { sql } = this.#database;
    await this.#fencedRun(
      attempt,
      'Writing the events of a turn',
      sql`SELECT tell_of_turn(${attempt.turnId}, ${attempt.attempt}, ${eventRows(sql, events)})`,
    );
    this.#signals.stored(attempt.sessionId);
  }

  async brokenAnswer({ sessionId, turnId }: TurnAttempt): Promise<number | null> {
    const { sql } = this.#database;
    // An answer that was whole told of its usage behind its text.
    const [row] = await this.#database.run(
      'Looking for an answer that broke off',
      sql<{ answer: number | null }[]>`
        SELECT CASE type WHEN 'model.text.delta' THEN (data ->> 'answer')::int END AS answer FROM events
        WHERE session_id = ${sessionId} AND turn_id = ${turnId}
          AND type IN ('model.text.delta', 'model.text.superseded', 'turn.usage')
        ORDER BY seq DESC LIMIT 1
      `,
    );
    return row?.answer ?? null;
  }

  async journal(sessionId: string): Promise<readonly JournalRecord[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Reading the journal of a session',
      sql<JournalRow[]>`
        SELECT seq, turn_id, attempt, kind, call_id, body FROM turn_journal
        WHERE session_id = ${sessionId} ORDER BY seq
      `,
    );
    return rows.map(toJournalRecord);
  }

  async finish(
    attempt: TurnAttempt,
    end: Parameters<TurnStore['finish']>[1],
    events: readonly NewEvent[],
  ): Promise<'finished' | 'more-messages'> {
    const { sql } = this.#database;
    const [row] = await this.#fencedRun(
      attempt,
      'Ending a turn',
      sql<{ outcome: 'finished' | 'more-messages' }[]>`
        SELECT finish_turn(
          ${attempt.turnId}, ${attempt.attempt}, ${end.status},
          ${end.error === null ? null : asJson(sql, end.error)}, ${eventRows(sql, events)}
        ) AS outcome
      `,
    );
    this.#signals.stored(attempt.sessionId);
    return row?.outcome ?? 'finished';
  }

  async park(
    attempt: TurnAttempt,
    runState: string,
    approvals: Parameters<TurnStore['park']>[2],
    events: readonly NewEvent[],
  ): Promise<void> {
    const { sql } = this.#database;
    await this.#fencedRun(
      attempt,
      'Letting a turn wait',
      sql`
        SELECT park_turn(
          ${attempt.turnId}, ${attempt.attempt}, ${runState}, ${asJson(sql, approvals)}, ${eventRows(sql, events)}
        )
      `,
    );
    this.#signals.stored(attempt.sessionId);
  }

  async release(attempt: TurnAttempt): Promise<void> {
    await this.#queue.ready();
    const { sql } = this.#database;
    await this.#database.run(
      'Letting go of a turn',
      sql`
        WITH ended AS (
          UPDATE turn_attempts SET ended_at = store_now()
          WHERE turn_id = ${attempt.turnId} AND attempt = ${attempt.attempt} AND ended_at IS NULL
          RETURNING turn_id
        )
        SELECT enqueue_turn(turn_id) FROM ended
      `,
    );
  }

  async approvals(turnId: string): Promise<readonly ApprovalRecord[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Reading approvals',
      sql<ApprovalRow[]>`SELECT * FROM turn_approvals WHERE turn_id = ${turnId} ORDER BY place`,
    );
    return rows.map(toApproval);
  }

  async decide(
    of: Parameters<TurnStore['decide']>[0],
    decision: ApprovalDecision,
    decidedBy: string,
    event: NewEvent,
  ): Promise<{ readonly approval: ApprovalRecord; readonly isNew: boolean } | null> {
    await this.#queue.ready();
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Deciding an approval',
      sql<(ApprovalRow & { is_new: boolean })[]>`
        SELECT (d.approval).*, d.is_new FROM decide_approval(
          ${of.workspaceId}, ${of.sessionId}, ${of.approvalId}, ${decision}, ${decidedBy},
          ${eventRows(sql, [event])} -> 0
        ) d
      `,
    );
    if (row === undefined) return null;
    this.#signals.stored(of.sessionId);
    return { approval: toApproval(row), isNew: row.is_new };
  }

  async cancel(of: Parameters<TurnStore['cancel']>[0], terminalEvent: NewEvent): Promise<TurnRecord | null> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Cancelling a turn',
      sql<TurnRow[]>`
        SELECT * FROM cancel_turn(
          ${of.workspaceId}, ${of.sessionId}, ${of.turnId}, ${eventRows(sql, [terminalEvent])} -> 0
        )
      `,
    );
    if (row === undefined) return null;
    this.#signals.stored(of.sessionId);
    return toTurn(row);
  }

  onDue(callback: () => void): () => void {
    return this.#notifications.subscribe(topics.turns, callback);
  }

  onSignal(turnId: string, callback: () => void): () => void {
    return this.#notifications.subscribe(topics.turn(turnId), callback);
  }

  async #fencedRun<Rows>(attempt: TurnAttempt, what: string, statement: PromiseLike<Rows>): Promise<Rows> {
    const judged = Promise.resolve(statement).catch((error: unknown) => {
      throw error instanceof postgres.PostgresError && error.code === FENCED ? fenced(attempt) : error;
    });
    return this.#database.run(what, judged);
  }
}

function fenced({ turnId, attempt }: TurnAttempt): SandboxError {
  return new SandboxError(
    'fenced',
    `Attempt ${attempt} does not run the turn ${turnId} any more: another worker took it, or it has ended. Let go of it.`,
    { started: 'no', stage: 'turn' },
  );
}

function toTurn(row: TurnRow): TurnRecord {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    sessionId: row.session_id,
    status: row.status,
    attempt: row.attempt,
    limits: row.limits,
    approvals: row.approvals,
    cancelRequested: row.cancel_requested,
    error: row.error,
    usage: row.usage,
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  };
}

function toApproval(row: ApprovalRow): ApprovalRecord {
  return {
    id: row.id,
    turnId: row.turn_id,
    callId: row.call_id,
    tool: row.tool,
    arguments: row.arguments,
    decision: row.decision,
    decidedBy: row.decided_by,
  };
}

function toJournalRecord(row: JournalRow): JournalRecord {
  const entry = { kind: row.kind, body: row.body, ...(row.call_id === null ? {} : { callId: row.call_id }) };
  // The kind and its members are written together, by `record` alone.
  return { ...(entry as JournalEntry), turnId: row.turn_id, attempt: row.attempt, seq: row.seq };
}
