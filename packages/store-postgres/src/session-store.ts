import type { RestoreReceipt } from '@boxyard/contracts';
import {
  type BoxGroup,
  type ListSessionsQuery,
  SandboxError,
  type SessionRecord,
  type SessionStore,
  type SessionWithGroup,
} from '@boxyard/sandbox-core';
import { asJson, type Database, type Sql } from './connect.ts';
import { type GroupRow, type SessionRow, toGroup, toSessionWithGroup } from './session-row.ts';

export class PostgresSessionStore implements SessionStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(session: SessionRecord, group?: BoxGroup): Promise<void> {
    const { sql } = this.#database;
    const created = await this.#database.run(
      'Creating a session',
      sql`
        WITH ${group === undefined ? joinableGroup(sql, session) : insertedGroup(sql, group)},
        inserted AS (
          INSERT INTO sessions (id, workspace_id, group_id, name, metadata, created_at)
          SELECT ${session.id}, ${session.workspaceId}, id, ${session.name},
            ${asJson(sql, session.metadata)}::jsonb, ${session.createdAt}::timestamptz
          FROM used_group
          RETURNING id, group_id
        )
        INSERT INTO session_logs (session_id, group_id) SELECT id, group_id FROM inserted
      `,
    );
    if (created.count > 0) return;
    throw new SandboxError(
      'not-found',
      `The group ${session.groupId} does not exist. Create the session with a new one.`,
      { started: 'no' },
    );
  }

  async get(workspaceId: string, sessionId: string): Promise<SessionWithGroup | null> {
    const [row] = await this.#database.run(
      'Reading a session',
      this.#database.sql<SessionRow[]>`
        ${this.#selectSessions()} WHERE s.workspace_id = ${workspaceId} AND s.id = ${sessionId}
      `,
    );
    return row === undefined ? null : toSessionWithGroup(row);
  }

  async createGroup(group: BoxGroup, { awaitedForMs }: { readonly awaitedForMs: number }): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      'Creating a group',
      sql`
        WITH ${insertedGroup(sql, group, awaitedForMs)}
        SELECT id FROM used_group
      `,
    );
  }

  async takeMachineGroup(
    group: Pick<BoxGroup, 'id' | 'workspaceId'> & { readonly machineId: string },
    { awaitedForMs }: { readonly awaitedForMs: number },
  ): Promise<BoxGroup> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Taking the group of a machine',
      sql<GroupRow[]>`
        SELECT ${this.#groupColumns()} FROM take_machine_group(
          ${group.workspaceId}, ${group.machineId}, ${group.id}, ${awaitedForMs}::double precision
        ) g
      `,
    );
    return toGroup(row!);
  }

  async getGroup(workspaceId: string, groupId: string): Promise<BoxGroup | null> {
    const [row] = await this.#database.run(
      'Reading a group',
      this.#database.sql<GroupRow[]>`
        SELECT ${this.#groupColumns()} FROM box_groups g
        WHERE g.workspace_id = ${workspaceId} AND g.id = ${groupId}
      `,
    );
    return row === undefined ? null : toGroup(row);
  }

  async list(workspaceId: string, query: ListSessionsQuery): Promise<readonly SessionWithGroup[]> {
    const { sql } = this.#database;
    const { metadata, after, limit } = query;
    const rows = await this.#database.run(
      'Listing sessions',
      sql<SessionRow[]>`
        ${this.#selectSessions()} WHERE s.workspace_id = ${workspaceId}
        ${after === undefined ? sql`` : sql`AND s.id < ${after}`}
        ${metadata === undefined ? sql`` : sql`AND s.metadata @> ${asJson(sql, metadata)}::jsonb`}
        ORDER BY s.id DESC LIMIT ${limit}
      `,
    );
    return rows.map(toSessionWithGroup);
  }

  async sessionsOf(groupId: string): Promise<readonly string[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing the sessions of a group',
      sql<{ id: string }[]>`
        SELECT id FROM sessions
        WHERE (group_id = ${groupId} AND active_group_id IS NULL) OR active_group_id = ${groupId} ORDER BY id
      `,
    );
    return rows.map(({ id }) => id);
  }

  async delete(
    workspaceId: string,
    sessionId: string,
  ): Promise<{ readonly freed: readonly string[] } | null> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Deleting a session',
      sql<{ of_group: string | null; freed: readonly string[] }[]>`
        SELECT * FROM delete_session(${workspaceId}, ${sessionId})
      `,
    );
    if (row === undefined || row.of_group === null) return null;
    return { freed: row.freed };
  }

  async deleteGroup(groupId: string): Promise<void> {
    const { sql } = this.#database;
    await this.#database
      .run('Deleting a group', sql`DELETE FROM box_groups WHERE id = ${groupId}`)
      .catch((error: unknown) => {
        if (!SandboxError.hasCode(error, 'conflict')) throw error;
        throw new SandboxError('conflict', `The group ${groupId} is still used. Delete its sessions first.`, {
          started: 'no',
        });
      });
  }

  async abandonedGroups(limit: number): Promise<readonly BoxGroup[]> {
    const rows = await this.#database.run(
      'Listing abandoned groups',
      this.#database.sql<GroupRow[]>`
        SELECT ${this.#groupColumns()} FROM box_groups g
        WHERE NOT EXISTS (SELECT FROM sessions s WHERE s.group_id = g.id)
          AND NOT EXISTS (SELECT FROM sessions s WHERE s.active_group_id = g.id)
          AND NOT EXISTS (SELECT FROM sessions s WHERE s.id = g.made_by)
          AND (g.awaited_until IS NULL OR g.awaited_until <= store_now())
        ORDER BY g.id LIMIT ${limit}
      `,
    );
    return rows.map(toGroup);
  }

  async recordRestore(groupId: string, receipt: RestoreReceipt): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      'Recording a restore',
      sql`UPDATE box_groups SET restored = ${asJson(sql, receipt)} WHERE id = ${groupId}`,
    );
  }

  async markSourceCloned(groupId: string): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      'Recording that the source was cloned',
      sql`
        UPDATE box_groups SET source_cloned_at = coalesce(source_cloned_at, store_now()) WHERE id = ${groupId}
      `,
    );
  }

  async setSourceToken(groupId: string, sealed: string): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      'Replacing the token of a source',
      sql`UPDATE box_groups SET sealed_source_token = ${sealed} WHERE id = ${groupId}`,
    );
  }

  #selectSessions() {
    const { sql } = this.#database;
    return sql`
      SELECT s.id AS session_id, s.active_group_id, s.active_epoch, s.name, s.metadata, s.created_at AS session_created_at, ${this.#groupColumns()}
      FROM sessions s JOIN box_groups g ON g.id = s.group_id
    `;
  }

  #groupColumns() {
    return this.#database.sql`
      g.id AS group_id, g.workspace_id, g.backend, g.machine_id, g.image, g.environment_names, g.sealed_environment, g.source,
      g.sealed_source_token, g.source_cloned_at, g.resources, g.idle_timeout_ms, g.max_lifetime_ms, g.restored,
      g.created_at AS group_created_at
    `;
  }
}

/**
 * Common table expressions that end in `used_group` (id): the group of a session that is there, under the lock
 * that deletion takes. A group that lost its last session is on its way out and takes no other; that of a machine takes
 * one as long as it is awaited.
 */
function joinableGroup(sql: Sql, { workspaceId, groupId }: SessionRecord) {
  return sql`
    locked AS MATERIALIZED (SELECT group_id FROM group_revisions WHERE group_id = ${groupId} FOR UPDATE),
    joined AS MATERIALIZED (
      SELECT s.group_id AS id FROM locked JOIN sessions s USING (group_id)
      -- Locked as well: a row that was deleted while this statement waited is passed over.
      WHERE s.workspace_id = ${workspaceId} LIMIT 1 FOR KEY SHARE OF s
    ),
    machine AS MATERIALIZED (
      SELECT g.id FROM locked JOIN box_groups g ON g.id = locked.group_id
      WHERE g.workspace_id = ${workspaceId} AND g.machine_id IS NOT NULL AND g.awaited_until > store_now()
      FOR KEY SHARE OF g
    ),
    used_group AS MATERIALIZED (SELECT id FROM joined UNION SELECT id FROM machine)
  `;
}

function insertedGroup(sql: Sql, group: BoxGroup, awaitedForMs: number | null = null) {
  return sql`
    used_group AS (
      INSERT INTO box_groups (
        id, workspace_id, backend, machine_id, image, environment_names, sealed_environment, source, sealed_source_token,
        source_cloned_at, resources, idle_timeout_ms, max_lifetime_ms, restored, created_at,
        awaited_until
      ) VALUES (
        ${group.id}, ${group.workspaceId}, ${group.backend}, ${group.machineId}, ${group.image},
        ${asJson(sql, group.environmentNames)}, ${group.sealedEnvironment},
        ${group.source === null ? null : asJson(sql, group.source)}, ${group.sealedSourceToken},
        ${group.sourceClonedAt}, ${asJson(sql, group.resources)}, ${group.idleTimeoutMs},
        ${group.maxLifetimeMs}, ${group.restored === null ? null : asJson(sql, group.restored)}, ${group.createdAt},
        store_now() + ${awaitedForMs}::double precision * interval '1 millisecond'
      ) RETURNING id
    ),
    revision AS (INSERT INTO group_revisions (group_id) SELECT id FROM used_group)
  `;
}
