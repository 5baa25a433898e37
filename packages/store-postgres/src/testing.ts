/** Real stores for tests: one embedded PostgreSQL for each test process, a fresh database for each store. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { connectTo, Database, type Sql } from './connect.ts';
import { type PostgresConnection, startEmbeddedPostgres } from './embedded/embedded-postgres.ts';
import { migrate } from './migrate.ts';
import { openStore, type PostgresStore } from './open-store.ts';
import { TurnQueue } from './turn-queue/turn-queue.ts';

export type { PostgresConnection } from './embedded/embedded-postgres.ts';
export type { PostgresStore } from './open-store.ts';

export interface TestStore extends PostgresStore {
  /** For `openStore({ connection })`: another store on the same database, in this or another process. */
  readonly connection: PostgresConnection;
  /** For statements that no port has, and for looking behind the ports. */
  readonly sql: Sql;
  /** Moves the store's clock, for every process on this database: milliseconds from the real time. */
  setClockOffset(offsetMs: number): Promise<void>;
}

// What initdb made, and whose place we take: making a database of its own for this costs each test file a tenth
// of a second. Statements about databases go through the other one that initdb made, because PostgreSQL copies
// none that somebody is connected to.
const TEMPLATE = 'postgres';
const ADMIN_DATABASE = 'template1';

// On the global object, because a test runner may load this module once for each file of one process.
const SERVER = Symbol.for('@boxyard/store-postgres/testing/server');
const servers = globalThis as { [SERVER]?: Promise<PostgresConnection> };

/** For statements of another process on the database of a test store. */
export const sqlOf = (connection: PostgresConnection): Sql => connectTo({ connection }, { max: 2 });

/**
 * A store on a new, migrated, empty database. The server behind it is started by the first call, shared by the
 * later ones, and ends with this process, however that ends. Nothing of it is durable.
 */
export async function openTestStore(options: { readonly maxConnections?: number } = {}): Promise<TestStore> {
  servers[SERVER] ??= startTestServer();
  const server = await servers[SERVER];
  const name = `test_${uuidv7().replaceAll('-', '')}`;
  await administer(server, `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE} STRATEGY FILE_COPY`);
  const connection = { ...server, database: name };
  const store = await openStore({ ...options, connection });
  // A second one, so that a lock can be held on a reserved connection while others look on.
  const sql = sqlOf(connection);
  const close = async () => {
    await sql.end({ timeout: 1 });
    await store.close();
  };
  return {
    ...store,
    connection,
    sql,
    setClockOffset: async (offsetMs) => {
      await sql`UPDATE store_clock SET offset_ms = ${Math.round(offsetMs)}`;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function startTestServer(): Promise<PostgresConnection> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-test-postgres-'));
  const { connection } = await startEmbeddedPostgres({
    dataDir,
    durable: false,
    removeAtEnd: true,
    maxConnections: 200,
  });
  const address = { connection: { ...connection, database: TEMPLATE } };
  const template = new Database({ address });
  await migrate(template);
  await template.close();
  const turnQueue = await TurnQueue.open(address);
  await turnQueue.close();
  return connection;
}

/** On a connection that is closed again: an open one would keep the test process from ending. */
async function administer(connection: PostgresConnection, statement: string): Promise<void> {
  const admin = connectTo({ connection: { ...connection, database: ADMIN_DATABASE } }, { max: 1 });
  try {
    await admin.unsafe(statement);
  } finally {
    await admin.end({ timeout: 1 });
  }
}
