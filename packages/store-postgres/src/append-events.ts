/**
 * The part of a statement that puts events into the logs of sessions. It is shared because an op's start and
 * end are one statement with their events.
 */
import type { NewEvent } from '@boxyard/sandbox-core';
import type { Parameter, PendingQuery, Row } from 'postgres';
import { asJson, type Sql } from './connect.ts';

type Fragment = PendingQuery<Row[]>;

/** Events as a parameter of type `json`. */
export function eventRows(sql: Sql, events: readonly NewEvent[]): Parameter<unknown> {
  // The data is a string inside the JSON: taking a member out of it would refuse a NUL, which `json` can hold.
  return asJson(
    sql,
    events.map(({ type, data, turnId }) => ({ type, data: JSON.stringify(data), turnId })),
  );
}

/**
 * Common table expressions that continue a WITH: `revised` (group_id, revision) is the group's row, grown or
 * only locked; `counted` the sessions with their numbers drawn; `logged` the events; `notified` the wake-ups, with the ids
 * of those who are woken.
 * Locking the group's row before the sessions' keeps two appends to one group from waiting for each other.
 *
 * @param group selects the `group_id`; no row of it means that nothing is appended.
 * @param sessions which `session_logs` (as `l`, with `revised` as `r`) get the events. Who names a session names
 * no group: its log may have gone to another one while the statement waited.
 */
export function appendingEvents(
  sql: Sql,
  group: Fragment,
  sessions: Fragment,
  events: readonly NewEvent[],
  options: { readonly mutates: boolean; readonly leaseEpoch: number },
): Fragment {
  const revised = options.mutates
    ? sql`UPDATE group_revisions SET revision = revision + 1 WHERE group_id IN (${group}) RETURNING group_id, revision`
    : sql`SELECT group_id, revision FROM group_revisions WHERE group_id IN (${group}) FOR UPDATE`;
  return sql`
    revised AS MATERIALIZED (${revised}),
    counted AS (
      UPDATE session_logs l SET last_seq = last_seq + ${events.length}::bigint FROM revised r
      WHERE ${sessions} AND ${events.length}::bigint > 0
      RETURNING l.session_id, l.last_seq - ${events.length}::bigint AS base, r.revision
    ),
    logged AS (
      INSERT INTO events (session_id, seq, at, type, data, revision, lease_epoch, turn_id)
      SELECT c.session_id, c.base + e.place, n.now, e.event ->> 'type', (e.event ->> 'data')::json, c.revision,
        ${options.leaseEpoch}::integer, e.event ->> 'turnId'
      FROM counted c
      CROSS JOIN json_array_elements(${eventRows(sql, events)}) WITH ORDINALITY AS e (event, place)
      CROSS JOIN (SELECT store_now() AS now) n
    ),
    notified AS (
      SELECT count(pg_notify('boxyard', 'events/' || session_id)) AS sessions, json_agg(session_id) AS session_ids
      FROM counted
    )
  `;
}
