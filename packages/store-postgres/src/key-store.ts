import { type KeyRecord, type KeyStore, SandboxError } from '@boxyard/sandbox-core';
import { asJson, type Database } from './connect.ts';
import { type Notifications, topics } from './notifications.ts';

interface KeyRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly name: string;
  readonly secret_sha256: string;
  readonly permissions: KeyRecord['permissions'];
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
}

export class PostgresKeyStore implements KeyStore {
  readonly #database: Database;
  readonly #notifications: Notifications;

  constructor(database: Database, notifications: Notifications) {
    this.#database = database;
    this.#notifications = notifications;
  }

  async create(key: KeyRecord): Promise<void> {
    const { sql } = this.#database;
    const inserted = await this.#database.run(
      'Creating a key',
      sql`
        WITH inserted AS (
          INSERT INTO api_keys
            (id, workspace_id, name, secret_sha256, permissions, created_at, expires_at, revoked_at)
          VALUES (
            ${key.id}, ${key.workspaceId}, ${key.name}, ${key.secretSha256}, ${asJson(sql, key.permissions)},
            ${key.createdAt}, ${key.expiresAt}, ${key.revokedAt}
          )
          ON CONFLICT DO NOTHING RETURNING id
        )
        SELECT id, pg_notify('boxyard', 'keys') FROM inserted
      `,
    );
    if (inserted.length === 0) {
      throw new SandboxError('conflict', 'A key with this id or secret exists already. Make a new one.', {
        started: 'no',
      });
    }
  }

  async findBySecret(secretSha256: string): Promise<KeyRecord | null> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Finding a key',
      sql<KeyRow[]>`SELECT * FROM api_keys WHERE secret_sha256 = ${secretSha256}`,
    );
    return row === undefined ? null : toKey(row);
  }

  async list(workspaceId: string): Promise<readonly KeyRecord[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing keys',
      sql<KeyRow[]>`SELECT * FROM api_keys WHERE workspace_id = ${workspaceId} ORDER BY id`,
    );
    return rows.map(toKey);
  }

  async revoke(workspaceId: string, keyId: string): Promise<boolean> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Revoking a key',
      sql`
        WITH revoked AS (
          UPDATE api_keys SET revoked_at = coalesce(revoked_at, store_now())
          WHERE workspace_id = ${workspaceId} AND id = ${keyId} RETURNING id
        )
        SELECT id, pg_notify('boxyard', 'keys') FROM revoked
      `,
    );
    return rows.length > 0;
  }

  subscribe(onChanged: () => void): () => void {
    return this.#notifications.subscribe(topics.keys, onChanged);
  }
}

function toKey(row: KeyRow): KeyRecord {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    name: row.name,
    secretSha256: row.secret_sha256,
    permissions: row.permissions,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  };
}
