/**
 * Judging a lease and storing the verdict. The row is read, judged, and written only if nobody wrote it since;
 * otherwise it is read and judged again. So a process that stands still or dies in between blocks nobody, and
 * every verdict that is stored was about the row as it was.
 */
import {
  type BoxToDestroy,
  bounded,
  type CallOptions,
  type DecideLease,
  type Lease,
  leaseDueAtMs,
  SandboxError,
  throwIfAborted,
} from '@boxyard/sandbox-core';
import { insertCondemned } from './condemned-boxes.ts';
import { asJson, type Database } from './connect.ts';
import { type LeaseRow, leaseBody, toLease } from './lease-row.ts';
import { meterChange } from './usage-store.ts';

const WHAT = 'Changing a lease';

type SeenRow = { readonly now: number } & (
  | (LeaseRow & { readonly version: number })
  | { readonly group_id: null }
);

interface Verdict {
  /** Null for a row that is not there yet. */
  readonly version: number | null;
  readonly before: Lease;
  readonly lease: Lease;
  readonly condemned: readonly BoxToDestroy[];
  /** Whether those who wait for the group want to know. */
  readonly noticed: boolean;
}

/** @param absent what a row that is not there yet is judged as; given only its group, it is not judged: null. */
export function changeLease<Result>(
  database: Database,
  absent: Lease,
  decide: DecideLease<Result>,
  options?: CallOptions,
): Promise<Result>;
export function changeLease<Result>(
  database: Database,
  groupId: string,
  decide: DecideLease<Result>,
  options?: CallOptions,
): Promise<Result | null>;
export async function changeLease<Result>(
  database: Database,
  absent: Lease | string,
  decide: DecideLease<Result>,
  options?: CallOptions,
): Promise<Result | null> {
  const groupId = typeof absent === 'string' ? absent : absent.groupId;
  let writing = false;
  try {
    return await bounded(options, WHAT, async (signal, call) => {
      for (;;) {
        throwIfAborted(signal, WHAT);
        const row = await read(database, groupId, call.left());
        const isNew = row.group_id === null;
        if (isNew && typeof absent === 'string') return null;
        const before = isNew ? (absent as Lease) : toLease(row);
        const { lease = before, condemned = [], result } = decide(before, row.now);
        if (!isNew && lease === before && condemned.length === 0) return result;
        throwIfAborted(signal, WHAT);
        const noticed =
          lease.state !== before.state ||
          lease.epoch !== before.epoch ||
          lease.deletedAtMs !== before.deletedAtMs;
        writing = true;
        const version = isNew ? null : row.version;
        if (await write(database, { version, before, lease, condemned, noticed }, call.left())) return result;
        writing = false;
      }
    });
  } catch (error) {
    const gaveUp = SandboxError.hasCode(error, 'timeout') || SandboxError.hasCode(error, 'cancelled');
    if (!gaveUp || writing) throw error;
    throw new SandboxError(error.code, `${WHAT} was given up before anything was stored. Try again.`, {
      started: 'no',
      retryable: true,
      cause: error,
    });
  }
}

/** The clock is read with the row and after it, so that no time in the row lies ahead of it. */
async function read(database: Database, groupId: string, options: CallOptions): Promise<SeenRow> {
  const { sql } = database;
  const [row] = await database.run(
    WHAT,
    sql<SeenRow[]>`
      SELECT leases.*, store_now_ms() AS now
      FROM (SELECT ${groupId}::text AS wanted) one LEFT JOIN leases ON leases.group_id = one.wanted
    `,
    options,
  );
  return row!;
}

/** One statement; answers false, with nothing stored, when the row is no longer the one that was judged. */
async function write(
  database: Database,
  { version, before, lease, condemned, noticed }: Verdict,
  options: CallOptions,
): Promise<boolean> {
  const { sql } = database;
  const box = lease.box === null ? null : asJson(sql, lease.box);
  const body = asJson(sql, leaseBody(lease));
  const holders = sql`${asJson(sql, lease.holders)}::jsonb`;
  const dueAtMs = leaseDueAtMs(lease);
  const stored =
    version === null
      ? sql`
          INSERT INTO leases (
            group_id, workspace_id, state, epoch, box, body, holders, deadline_ms, idle_grace_ms, reason,
            deleted_at_ms, due_at_ms
          ) VALUES (
            ${lease.groupId}, ${lease.workspaceId}, ${lease.state}, ${lease.epoch}, ${box}, ${body}, ${holders},
            ${lease.deadlineMs}, ${lease.idleGraceMs}, ${lease.reason}, ${lease.deletedAtMs}, ${dueAtMs}
          )
          ON CONFLICT (group_id) DO NOTHING RETURNING group_id
        `
      : sql`
          UPDATE leases SET
            version = version + 1, state = ${lease.state}, epoch = ${lease.epoch}, box = ${box}, body = ${body},
            holders = ${holders}, deadline_ms = ${lease.deadlineMs}, idle_grace_ms = ${lease.idleGraceMs},
            reason = ${lease.reason}, deleted_at_ms = ${lease.deletedAtMs}, due_at_ms = ${dueAtMs}
          WHERE group_id = ${lease.groupId} AND version = ${version} RETURNING group_id
        `;
  const isStored = sql`EXISTS (SELECT FROM stored)`;
  const { ended, started } = meterChange(sql, before, lease, isStored);
  const rows = await database.run(
    WHAT,
    sql`
      WITH stored AS (${stored}),
      condemned AS (${insertCondemned(sql, condemned, isStored)})
      ${ended === null ? sql`` : sql`, ended AS (${ended})`}
      ${started === null ? sql`` : sql`, started AS (${started})`}
      SELECT CASE WHEN ${noticed}::boolean THEN pg_notify('boxyard', 'lease/' || group_id) END FROM stored
    `,
    options,
  );
  return rows.length > 0;
}
