/** Brings a database to the schema that this version was written for, and refuses one that it does not know. */
import { createHash } from 'node:crypto';
import { SandboxError } from '@boxyard/sandbox-core';
import postgres from 'postgres';
import { type Database, SCHEMA } from './connect.ts';
import { databaseError } from './database-error.ts';
import { MIGRATIONS, type Migration } from './migrations/migrations.ts';

// Any number, as long as every Boxyard takes the same.
const ADVISORY_LOCK = 7_316_090_825;

/** Raised by a step that another server was faster to apply. */
const APPLIED_MEANWHILE = 'BX001';

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
    const applied = await readApplied(database);
    for (const step of applied) checkApplied(step, migrations);
    const next = migrations.find(({ version }) => !applied.some((step) => step.version === version));
    if (next === undefined) return;
    await apply(database, next);
  }
}

async function readApplied(database: Database): Promise<readonly Applied[]> {
  const { sql } = database;
  const [found] = await database.run(
    'Looking for the schema',
    sql`SELECT to_regclass(${`${SCHEMA}.schema_migrations`}) IS NOT NULL AS there`,
  );
  if (!found?.there) return [];
  return database.run(
    'Reading which steps of the schema were applied',
    sql<Applied[]>`SELECT version, name, checksum FROM schema_migrations ORDER BY version`,
  );
}

/** Several statements in one message are one transaction. */
async function apply({ sql }: Database, migration: Migration): Promise<void> {
  const { version, name } = migration;
  try {
    await sql.unsafe(`
      SELECT pg_advisory_xact_lock(${ADVISORY_LOCK});
      -- Rewriting a large table may take longer than any statement of ours.
      SET LOCAL statement_timeout = 0;
      CREATE SCHEMA IF NOT EXISTS ${SCHEMA};
      CREATE TABLE IF NOT EXISTS schema_migrations (
        version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL
      );
      DO $check$ BEGIN
        IF EXISTS (SELECT FROM schema_migrations WHERE version = ${version}) THEN
          RAISE EXCEPTION 'applied meanwhile' USING ERRCODE = '${APPLIED_MEANWHILE}';
        END IF;
      END $check$;
      ${migration.sql};
      INSERT INTO schema_migrations VALUES (${version}, '${name}', '${checksum(migration)}', now());
    `);
  } catch (error) {
    if (error instanceof postgres.PostgresError && error.code === APPLIED_MEANWHILE) return;
    throw databaseError(error);
  }
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
