import { SandboxError, type WorkspaceRecord, type WorkspaceStore } from '@boxyard/sandbox-core';
import type { Database } from './connect.ts';

interface WorkspaceRow {
  readonly id: string;
  readonly slug: string;
  readonly created_at: Date;
}

export class PostgresWorkspaceStore implements WorkspaceStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create({ id, slug, createdAt }: WorkspaceRecord): Promise<void> {
    const { sql } = this.#database;
    const inserted = await this.#database.run(
      'Creating a workspace',
      sql`
        INSERT INTO workspaces (id, slug, created_at) VALUES (${id}, ${slug}, ${createdAt})
        ON CONFLICT DO NOTHING RETURNING id
      `,
    );
    if (inserted.length === 0) {
      throw new SandboxError('conflict', `The workspace ${slug} exists already. Choose another slug.`, {
        started: 'no',
      });
    }
  }

  async list(): Promise<readonly WorkspaceRecord[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing workspaces',
      sql<WorkspaceRow[]>`SELECT id, slug, created_at FROM workspaces ORDER BY slug`,
    );
    return rows.map(toWorkspace);
  }

  async find(idOrSlug: string): Promise<WorkspaceRecord | null> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Finding a workspace',
      sql<WorkspaceRow[]>`
        SELECT id, slug, created_at FROM workspaces WHERE id = ${idOrSlug} OR slug = ${idOrSlug}
        -- One workspace's slug may read like the id of another: the id wins.
        ORDER BY id = ${idOrSlug} DESC LIMIT 1
      `,
    );
    return row === undefined ? null : toWorkspace(row);
  }
}

function toWorkspace(row: WorkspaceRow): WorkspaceRecord {
  return { id: row.id, slug: row.slug, createdAt: row.created_at };
}
