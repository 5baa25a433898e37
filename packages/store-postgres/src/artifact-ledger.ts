import {
  type Artifact,
  type ArtifactLedger,
  type ArtifactState,
  type ArtifactToStore,
  type CallOptions,
  SandboxError,
} from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { asJson, type Database } from './connect.ts';

interface ArtifactRow {
  readonly id: string;
  readonly group_id: string;
  readonly workspace_id: string;
  readonly epoch: number;
  readonly revision: number;
  readonly archive_key: string;
  readonly manifest_key: string;
  readonly state: ArtifactState;
  readonly sequence: number;
  readonly started_at_ms: number;
  readonly size_bytes: number | null;
  readonly sha256: string | null;
}

export class PostgresArtifactLedger implements ArtifactLedger {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async begin(
    artifact: ArtifactToStore,
    options: CallOptions & { readonly candidateTtlMs: number },
  ): Promise<Artifact> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Beginning an artifact',
      sql<ArtifactRow[]>`
        WITH clock AS MATERIALIZED (SELECT store_now_ms() AS now)
        INSERT INTO artifacts (
          id, group_id, workspace_id, epoch, revision, archive_key, manifest_key, state, started_at_ms, due_at_ms
        )
        SELECT ${uuidv7()}, ${artifact.groupId}, ${artifact.workspaceId}, ${artifact.epoch}::integer,
          ${artifact.revision}::bigint, ${artifact.archiveKey}, ${artifact.manifestKey}, 'candidate', now,
          now + ${options.candidateTtlMs}::bigint
        FROM clock
        ON CONFLICT (archive_key) DO NOTHING
        RETURNING *
      `,
      options,
    );
    if (row === undefined) {
      throw new SandboxError(
        'conflict',
        `An artifact with the key ${artifact.archiveKey} was begun before. Choose a new key.`,
        { started: 'no' },
      );
    }
    return toArtifact(row);
  }

  commit(
    id: string,
    stored: { readonly sizeBytes: number; readonly sha256: string },
    options?: CallOptions & { readonly former?: number | undefined },
  ): Promise<'committed' | 'refused'> {
    return this.adopt(id, stored, options);
  }

  async adopt(
    id: string,
    stored: { readonly sizeBytes: number; readonly sha256: string },
    options: CallOptions & {
      readonly claim?: number | undefined;
      readonly former?: number | undefined;
    } = {},
  ): Promise<'committed' | 'refused'> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Committing an artifact',
      sql<{ committed: boolean }[]>`
        SELECT commit_artifact(
          ${id}, ${stored.sizeBytes}::bigint, ${stored.sha256}, ${options.claim ?? null}::integer,
          ${options.former ?? 1}::integer
        ) AS committed
      `,
      options,
    );
    return row?.committed ? 'committed' : 'refused';
  }

  async candidates(groupId: string, options?: CallOptions): Promise<readonly Artifact[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing candidates',
      sql<ArtifactRow[]>`
        SELECT * FROM artifacts WHERE group_id = ${groupId} AND state = 'candidate' AND sequence > coalesce((
          SELECT max(sequence) FROM artifacts WHERE group_id = ${groupId} AND state = 'current'
        ), 0)
        ORDER BY sequence DESC
      `,
      options,
    );
    return rows.map(toArtifact);
  }

  async abandon(id: string, options?: CallOptions): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      'Abandoning an artifact',
      sql`
        UPDATE artifacts SET state = 'delete_pending', due_at_ms = store_now_ms()
        WHERE id = ${id} AND state = 'candidate'
      `,
      options,
    );
  }

  async restorable(groupId: string, options?: CallOptions): Promise<readonly Artifact[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing artifacts',
      sql<ArtifactRow[]>`
        SELECT * FROM artifacts WHERE group_id = ${groupId} AND state IN ('current', 'previous')
        ORDER BY sequence DESC
      `,
      options,
    );
    return rows.map(toArtifact);
  }

  async discard(groupId: string, options?: CallOptions): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      'Discarding artifacts',
      // Locked in the order that a commit takes.
      sql`
        WITH locked AS MATERIALIZED (
          SELECT id FROM artifacts WHERE group_id = ${groupId} ORDER BY sequence DESC FOR UPDATE
        )
        UPDATE artifacts SET state = 'delete_pending', due_at_ms = store_now_ms()
        FROM locked WHERE artifacts.id = locked.id AND state <> 'delete_pending'
      `,
      options,
    );
  }

  takeSilent(
    limit: number,
    options: CallOptions & { readonly retryAfterMs: number },
  ): Promise<readonly Artifact[]> {
    return this.#take('candidate', limit, options);
  }

  takeDeletable(
    limit: number,
    options: CallOptions & { readonly retryAfterMs: number },
  ): Promise<readonly Artifact[]> {
    return this.#take('delete_pending', limit, options);
  }

  async #take(
    state: ArtifactState,
    limit: number,
    options: CallOptions & { readonly retryAfterMs: number },
  ): Promise<readonly Artifact[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Taking artifacts that are due',
      sql<ArtifactRow[]>`
        UPDATE artifacts SET due_at_ms = store_now_ms() + ${options.retryAfterMs}::bigint
        WHERE id IN (
          SELECT id FROM artifacts WHERE due_at_ms <= (SELECT store_now_ms()) AND state = ${state}
          ORDER BY due_at_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED
        )
        RETURNING *
      `,
      options,
    );
    return rows.map(toArtifact);
  }

  async unknown(
    blobs: readonly { readonly key: string; readonly groupId: string }[],
    options?: CallOptions,
  ): Promise<readonly string[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Looking for unknown archives',
      sql<{ key: string }[]>`
        SELECT b ->> 'key' AS key FROM json_array_elements(${asJson(sql, blobs)}) b
        WHERE EXISTS (SELECT FROM leases WHERE group_id = b ->> 'groupId') AND NOT EXISTS (
          SELECT FROM artifacts a
          WHERE a.group_id = b ->> 'groupId' AND (a.archive_key = b ->> 'key' OR a.manifest_key = b ->> 'key')
        )
      `,
      options,
    );
    return rows.map(({ key }) => key);
  }

  async removeDeleted(id: string, options?: CallOptions): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      'Removing a deleted artifact',
      sql`DELETE FROM artifacts WHERE id = ${id} AND state = 'delete_pending'`,
      options,
    );
  }
}

function toArtifact(row: ArtifactRow): Artifact {
  return {
    id: row.id,
    groupId: row.group_id,
    workspaceId: row.workspace_id,
    epoch: row.epoch,
    revision: row.revision,
    archiveKey: row.archive_key,
    manifestKey: row.manifest_key,
    state: row.state,
    sequence: row.sequence,
    startedAtMs: row.started_at_ms,
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
  };
}
