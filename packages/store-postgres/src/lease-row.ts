/**
 * How a lease is written as a row. Columns are what statements look at; the rest is one JSON value, so that the
 * lease may learn a new member without a migration.
 */
import { type BoxRef, coldLease, type Holder, type Lease, type LeaseState } from '@boxyard/sandbox-core';

export interface LeaseRow {
  readonly group_id: string;
  readonly workspace_id: string;
  readonly state: LeaseState;
  readonly epoch: number;
  readonly box: BoxRef | null;
  readonly body: LeaseBody;
  readonly holders: readonly Holder[];
  readonly deadline_ms: number | null;
  readonly idle_grace_ms: number | null;
  readonly reason: string | null;
  readonly deleted_at_ms: number | null;
}

type LeaseBody = Omit<
  Lease,
  | 'groupId'
  | 'workspaceId'
  | 'state'
  | 'epoch'
  | 'box'
  | 'holders'
  | 'deadlineMs'
  | 'idleGraceMs'
  | 'reason'
  | 'deletedAtMs'
>;

export function leaseBody(lease: Lease): LeaseBody {
  const {
    groupId,
    workspaceId,
    state,
    epoch,
    box,
    holders,
    deadlineMs,
    idleGraceMs,
    reason,
    deletedAtMs,
    ...body
  } = lease;
  return body;
}

export function toLease(row: LeaseRow): Lease {
  return {
    // What a row of an older version does not have yet.
    ...coldLease(row.group_id, row.workspace_id),
    ...row.body,
    state: row.state,
    epoch: row.epoch,
    box: row.box,
    holders: row.holders,
    deadlineMs: row.deadline_ms,
    idleGraceMs: row.idle_grace_ms,
    reason: row.reason,
    deletedAtMs: row.deleted_at_ms,
  };
}
