import type { Database } from './connect.ts';

/**
 * The name of the installation whose record this is: the one on record, or else `proposed`, which is on record from
 * then on. Every server on the same database is answered the same.
 */
export async function ensureDeploymentId(database: Database, proposed: string): Promise<string> {
  const { sql } = database;
  const [row] = await database.run(
    'Reading the id of the deployment',
    sql<{ id: string }[]>`
      WITH added AS (INSERT INTO deployment (id) VALUES (${proposed}) ON CONFLICT DO NOTHING RETURNING id)
      SELECT id FROM added UNION ALL SELECT id FROM deployment
    `,
  );
  // Another server's, which was added at the same moment, is not seen by the statement that lost against it.
  return row?.id ?? ensureDeploymentId(database, proposed);
}
