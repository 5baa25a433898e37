/** How groups and sessions are written as rows, and read back. */
import type { BoxGroup, SessionWithGroup } from '@boxyard/sandbox-core';

export interface GroupRow {
  readonly group_id: string;
  readonly workspace_id: string;
  readonly backend: BoxGroup['backend'];
  readonly machine_id: string | null;
  readonly image: string | null;
  readonly environment_names: readonly string[];
  readonly sealed_environment: string | null;
  readonly source: BoxGroup['source'];
  readonly sealed_source_token: string | null;
  readonly source_cloned_at: Date | null;
  readonly resources: BoxGroup['resources'];
  readonly idle_timeout_ms: number | null;
  readonly max_lifetime_ms: number | null;
  readonly restored: BoxGroup['restored'];
  readonly group_created_at: Date;
}

export interface SessionRow extends GroupRow {
  readonly session_id: string;
  readonly active_group_id: string | null;
  readonly active_epoch: number;
  readonly name: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly session_created_at: Date;
}

export function toGroup(row: GroupRow): BoxGroup {
  return {
    id: row.group_id,
    workspaceId: row.workspace_id,
    backend: row.backend,
    machineId: row.machine_id,
    image: row.image,
    environmentNames: row.environment_names,
    sealedEnvironment: row.sealed_environment,
    source: row.source,
    sealedSourceToken: row.sealed_source_token,
    sourceClonedAt: row.source_cloned_at,
    resources: row.resources,
    idleTimeoutMs: row.idle_timeout_ms,
    maxLifetimeMs: row.max_lifetime_ms,
    restored: row.restored,
    createdAt: row.group_created_at,
  };
}

export function toSessionWithGroup(row: SessionRow): SessionWithGroup {
  return {
    session: {
      id: row.session_id,
      workspaceId: row.workspace_id,
      groupId: row.group_id,
      name: row.name,
      metadata: row.metadata,
      createdAt: row.session_created_at,
    },
    group: toGroup(row),
    pointer: { activeSandboxId: row.active_group_id, activeEpoch: row.active_epoch },
  };
}
