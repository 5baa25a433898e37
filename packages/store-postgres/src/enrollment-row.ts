import type { EnrollmentRecord, MachineDescription } from '@boxyard/sandbox-core';

export interface EnrollmentRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly machine: MachineDescription;
  readonly allow_screen_control: boolean;
  readonly approved_by: string;
  readonly generation: number;
  readonly created_at: Date;
  readonly refreshed_at: Date;
  readonly revoked_at: Date | null;
}

export const toEnrollment = (row: EnrollmentRow): EnrollmentRecord => ({
  id: row.id,
  workspaceId: row.workspace_id,
  machine: row.machine,
  allowScreenControl: row.allow_screen_control,
  approvedBy: row.approved_by,
  state: row.revoked_at === null ? 'active' : 'revoked',
  generation: row.generation,
  createdAt: row.created_at,
  refreshedAt: row.refreshed_at,
  revokedAt: row.revoked_at,
});
