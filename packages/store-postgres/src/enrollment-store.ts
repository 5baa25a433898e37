import {
  type DeviceGrant,
  type DeviceGrantChange,
  type EnrollmentRecord,
  type EnrollmentRefresh,
  type EnrollmentStore,
  type NewEnrollment,
  SandboxError,
  type StoredDeviceGrant,
  type TokenExchange,
} from '@boxyard/sandbox-core';
import { asJson, type Database } from './connect.ts';
import { type EnrollmentRow, toEnrollment } from './enrollment-row.ts';

interface GrantRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly device_code_sha256: string;
  readonly user_code: string;
  readonly machine: DeviceGrant['machine'];
  readonly decision: DeviceGrant['decision'];
  readonly enrollment_id: string | null;
  readonly interval_ms: number;
  readonly created_at_ms: number;
  readonly expires_at_ms: number;
  readonly polled_at_ms: number | null;
  readonly delivered_at_ms: number | null;
  readonly version: number;
  readonly now_ms: number;
}

export class PostgresEnrollmentStore implements EnrollmentStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async createGrant(grant: Parameters<EnrollmentStore['createGrant']>[0]): Promise<boolean> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Recording a machine that asks to be enrolled',
      sql`
        INSERT INTO device_grants
          (id, workspace_id, device_code_sha256, user_code, machine, interval_ms, created_at_ms, expires_at_ms)
        SELECT ${grant.id}, ${grant.workspaceId}, ${grant.deviceCodeSha256}, ${grant.userCode},
          ${asJson(sql, grant.machine)}, ${grant.intervalMs}::bigint, now_ms, now_ms + ${grant.ttlMs}::bigint
        FROM store_now_ms() AS now_ms
        ON CONFLICT (user_code) DO NOTHING RETURNING id
      `,
    );
    return rows.length > 0;
  }

  async findGrant(
    by: { readonly deviceCodeSha256: string } | { readonly userCode: string },
  ): Promise<StoredDeviceGrant | null> {
    const { sql } = this.#database;
    const condition =
      'userCode' in by ? sql`user_code = ${by.userCode}` : sql`device_code_sha256 = ${by.deviceCodeSha256}`;
    const [row] = await this.#database.run(
      'Finding a machine that asks to be enrolled',
      sql<GrantRow[]>`SELECT *, store_now_ms() AS now_ms FROM device_grants WHERE ${condition}`,
    );
    return row === undefined ? null : { grant: toGrant(row), version: row.version, nowMs: row.now_ms };
  }

  async changeGrant(
    id: string,
    version: number,
    change: DeviceGrantChange,
    enrollment?: NewEnrollment,
  ): Promise<boolean> {
    const { sql } = this.#database;
    const made = enrollment === undefined ? null : asJson(sql, enrollment);
    const [row] = await this.#database.run(
      'Deciding about a machine that asks to be enrolled',
      sql<{ changed: boolean }[]>`
        SELECT change_device_grant(${id}, ${version}::integer, ${asJson(sql, change)}, ${made}::json) AS changed
      `,
    );
    return row!.changed;
  }

  async createToken(token: Parameters<EnrollmentStore['createToken']>[0]): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      'Recording an enrollment token',
      sql`
        INSERT INTO enrollment_tokens (id, workspace_id, uses_left, expires_at, created_by) VALUES (
          ${token.id}, ${token.workspaceId}, ${token.uses}::integer, ${token.expiresAt}, ${token.createdBy}
        )
      `,
    );
  }

  async exchangeToken(tokenId: string, enrollment: NewEnrollment, graceMs: number): Promise<TokenExchange> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Exchanging an enrollment token',
      sql<{ outcome: TokenExchange['outcome']; enrollment_id: string | null }[]>`
        SELECT outcome, enrollment_id
        FROM exchange_enrollment_token(${tokenId}, ${asJson(sql, enrollment)}, ${graceMs}::bigint)
      `,
    );
    const { outcome, enrollment_id } = row!;
    if (outcome !== 'enrolled' && outcome !== 'again') return { outcome };
    return { outcome, enrollment: await this.#require(enrollment_id!) };
  }

  async find(id: string): Promise<EnrollmentRecord | null> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Finding an enrollment',
      sql<EnrollmentRow[]>`SELECT * FROM enrollments WHERE id = ${id}`,
    );
    return row === undefined ? null : toEnrollment(row);
  }

  async list(
    workspaceId: string,
    { limit, after }: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<readonly EnrollmentRecord[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Listing enrollments',
      sql<EnrollmentRow[]>`
        SELECT * FROM enrollments WHERE workspace_id = ${workspaceId}
        ${after === undefined ? sql`` : sql`AND id < ${after}`}
        ORDER BY id DESC LIMIT ${limit}
      `,
    );
    return rows.map(toEnrollment);
  }

  async refresh(
    id: string,
    proof: { readonly generation: number; readonly challengedAtMs: number },
  ): Promise<EnrollmentRefresh> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Renewing the credentials of a machine',
      sql<{ outcome: EnrollmentRefresh['outcome'] }[]>`
        SELECT outcome
        FROM refresh_enrollment(${id}, ${proof.generation}::integer, ${proof.challengedAtMs}::bigint)
      `,
    );
    const { outcome } = row!;
    if (outcome !== 'refreshed') return { outcome };
    return { outcome, enrollment: await this.#require(id) };
  }

  async revoke(workspaceId: string, id: string): Promise<EnrollmentRecord | null> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Revoking an enrollment',
      sql<EnrollmentRow[]>`
        UPDATE enrollments SET revoked_at = coalesce(revoked_at, store_now())
        WHERE workspace_id = ${workspaceId} AND id = ${id} RETURNING *
      `,
    );
    return row === undefined ? null : toEnrollment(row);
  }

  async revokedSince(moment: Date): Promise<readonly EnrollmentRecord[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Reading which machines were revoked',
      sql<EnrollmentRow[]>`SELECT * FROM enrollments WHERE revoked_at >= ${moment} ORDER BY revoked_at`,
    );
    return rows.map(toEnrollment);
  }

  async trim(olderThan: Date, limit: number): Promise<number> {
    const { sql } = this.#database;
    const [row] = await this.#database.run(
      'Removing what asked to be enrolled long ago',
      sql<{ removed: number }[]>`
        WITH grants AS (
          DELETE FROM device_grants WHERE id IN (
            SELECT id FROM device_grants WHERE expires_at_ms < ${olderThan.getTime()}
            ORDER BY expires_at_ms LIMIT ${limit}
          ) RETURNING 1
        ),
        tokens AS (
          DELETE FROM enrollment_tokens WHERE id IN (
            SELECT id FROM enrollment_tokens WHERE expires_at < ${olderThan} ORDER BY expires_at LIMIT ${limit}
          ) RETURNING 1
        )
        SELECT (SELECT count(*) FROM grants) + (SELECT count(*) FROM tokens) AS removed
      `,
    );
    return row!.removed;
  }

  async #require(id: string): Promise<EnrollmentRecord> {
    const found = await this.find(id);
    if (found !== null) return found;
    throw new SandboxError('outcome-unknown', 'The enrollment is not there any more. Enroll again.');
  }
}

const toGrant = (row: GrantRow): DeviceGrant => ({
  id: row.id,
  workspaceId: row.workspace_id,
  deviceCodeSha256: row.device_code_sha256,
  userCode: row.user_code,
  machine: row.machine,
  decision: row.decision,
  enrollmentId: row.enrollment_id,
  intervalMs: row.interval_ms,
  createdAtMs: row.created_at_ms,
  expiresAtMs: row.expires_at_ms,
  polledAtMs: row.polled_at_ms,
  deliveredAtMs: row.delivered_at_ms,
});
