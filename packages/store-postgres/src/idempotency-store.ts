import type { IdempotencyClaim, IdempotencyState, IdempotencyStore } from '@boxyard/sandbox-core';
import type { Database } from './connect.ts';

interface ClaimRow {
  readonly claimed: boolean;
  readonly body_digest: string;
  readonly status: number | null;
  readonly body: string | null;
}

export class PostgresIdempotencyStore implements IdempotencyStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async claim(
    { workspaceId, key, bodyDigest }: IdempotencyClaim,
    { claimTimeoutMs }: { readonly claimTimeoutMs: number },
  ): Promise<IdempotencyState> {
    for (;;) {
      const [row] = await this.#claimOrRead(workspaceId, key, bodyDigest, claimTimeoutMs);
      // Neither ours nor there: another claim was committed while this statement ran. It is seen now.
      if (row === undefined) continue;
      if (row.claimed) return { kind: 'claimed' };
      if (row.body_digest !== bodyDigest) return { kind: 'other-body' };
      if (row.status === null || row.body === null) return { kind: 'in-flight' };
      return { kind: 'done', status: row.status, body: row.body };
    }
  }

  #claimOrRead(workspaceId: string, key: string, bodyDigest: string, claimTimeoutMs: number) {
    const { sql } = this.#database;
    return this.#database.run(
      'Claiming an idempotency key',
      sql<ClaimRow[]>`
        WITH claimed AS (
          INSERT INTO idempotency_keys AS stored
            (workspace_id, key, body_digest, claimed_at, claim_ends_at)
          SELECT ${workspaceId}, ${key}, ${bodyDigest}, now, now + ${claimTimeoutMs}::bigint * interval '1 millisecond'
          FROM store_now() AS now
          ON CONFLICT (workspace_id, key) DO UPDATE SET
            body_digest = excluded.body_digest, claimed_at = excluded.claimed_at,
            claim_ends_at = excluded.claim_ends_at, status = NULL, body = NULL
          WHERE (stored.status IS NULL AND stored.claim_ends_at <= excluded.claimed_at)
             OR stored.claimed_at <= excluded.claimed_at - interval '24 hours'
          RETURNING body_digest, status, body
        )
        SELECT true AS claimed, body_digest, status, body FROM claimed
        UNION ALL
        SELECT false, body_digest, status, body FROM idempotency_keys
        WHERE workspace_id = ${workspaceId} AND key = ${key} AND NOT EXISTS (SELECT FROM claimed)
      `,
    );
  }

  async finish(
    { workspaceId, key, bodyDigest }: IdempotencyClaim,
    answer: { readonly status: number; readonly body: string },
  ): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      'Storing the answer of an idempotent request',
      sql`
        UPDATE idempotency_keys SET status = ${answer.status}, body = ${answer.body}
        WHERE workspace_id = ${workspaceId} AND key = ${key} AND body_digest = ${bodyDigest} AND status IS NULL
      `,
    );
  }

  async abandon({ workspaceId, key, bodyDigest }: IdempotencyClaim): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      'Giving up an idempotency key',
      sql`
        DELETE FROM idempotency_keys
        WHERE workspace_id = ${workspaceId} AND key = ${key} AND body_digest = ${bodyDigest} AND status IS NULL
      `,
    );
  }

  async trim(olderThan: Date, limit: number): Promise<number> {
    const { sql } = this.#database;
    const removed = await this.#database.run(
      'Trimming idempotency keys',
      sql`
        DELETE FROM idempotency_keys WHERE (workspace_id, key) IN (
          SELECT workspace_id, key FROM idempotency_keys WHERE claimed_at < ${olderThan} LIMIT ${limit}
        )
      `,
    );
    return removed.count;
  }
}
