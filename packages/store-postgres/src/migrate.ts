/** Brings a database to the schema that this version was written for, and refuses one that it does not know. */
import { createHash } from 'node:crypto';
import { SandboxError } from '@boxyard/sandbox-core';
import { type Database, SCHEMA, type Transaction } from './connect.ts';
import { MIGRATIONS, type Migration } from './migrations/migrations.ts';

// Any number, as long as every Boxyard takes the same.
const ADVISORY_LOCK = 7_316_090_825;

interface Applied {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

/**
 * Applies what is missing, each step in one transaction. Servers that start together wait for one another.
 * `configuration` when the database is newer than this version, or a step that was applied is another one here.
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  for (;;) {
    const done = await database.transaction('Migrating the database', (sql) => applyNext(sql, migrations));
    if (done) return;
  }
}

async function applyNext(sql: Transaction, migrations: readonly Migration[]): Promise<boolean> {
  await sql`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK})`;
  const [found] = await sql`SELECT to_regclass(${`${SCHEMA}.schema_migrations`}) IS NOT NULL AS exists`;
  const applied = found?.exists
    ? await sql<Applied[]>`SELECT version, name, checksum FROM schema_migrations ORDER BY version`
    : await createLedger(sql);
  for (const step of applied) checkApplied(step, migrations);
  const next = migrations.find(({ version }) => !applied.some((step) => step.version === version));
  if (next === undefined) return true;
  // Rewriting a large table may take longer than any statement of ours.
  await sql`SET LOCAL statement_timeout = 0`;
  await sql.unsafe(next.sql);
  await sql`
    INSERT INTO schema_migrations (version, name, checksum, applied_at)
    VALUES (${next.version}, ${next.name}, ${checksum(next)}, now())
  `;
  return false;
}

async function createLedger(sql: Transaction): Promise<readonly Applied[]> {
  await sql.unsafe(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`);
  await sql`
    CREATE TABLE schema_migrations (
      version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL
    )
  `;
  return [];
}

function checkApplied(step: Applied, migrations: readonly Migration[]): void {
  const known = migrations.find(({ version }) => version === step.version);
  if (known === undefined) {
    throw new SandboxError(
      'configuration',
      `The database has step ${step.version} (${step.name}) of its schema, which this version of Boxyard does not know. Start the newer version that made it, or use another database.`,
      { started: 'no' },
    );
  }
  if (checksum(known) !== step.checksum) {
    throw new SandboxError(
      'configuration',
      `The database has another step ${step.version} (${step.name}) of its schema than this version of Boxyard. Start the version that made it, or use another database.`,
      { started: 'no' },
    );
  }
}

function checksum(migration: Migration): string {
  return createHash('sha256').update(migration.sql).digest('hex');
}
