import { dirname } from 'node:path';
import { inspect } from 'node:util';
import { SandboxError } from '@boxyard/sandbox-core';
import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database } from './connect.ts';
import { openStore } from './open-store.ts';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;
let database: Database;

beforeAll(async () => {
  store = await openTestStore();
  database = new Database({ address: { connection: store.connection } });
});

afterAll(async () => {
  await database.close();
  await store.close();
});

test('errors never show what was sent or what is stored', async () => {
  const { sql } = database;
  await sql`CREATE TABLE secrets (value text CONSTRAINT secrets_value UNIQUE)`;
  const insert = () =>
    database.run('Storing a secret', sql`INSERT INTO secrets (value) VALUES (${'canary'})`);
  await insert();
  const stop = database.onStatement(() => {});
  const error = await insert().catch((reason: unknown) => reason);
  stop();
  expect(error).toMatchObject({ code: 'conflict', started: 'no' });
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('canary');
  expect(JSON.stringify(error)).not.toContain('canary');
});

test('what the database cannot hold is the caller’s mistake', async () => {
  await expect(store.workspaces.find('NUL \0')).rejects.toMatchObject({ code: 'invalid', started: 'no' });
});

test('a URL may name a unix socket, as for other programs of PostgreSQL', async () => {
  const { path, user, password, database: name } = store.connection;
  const parts = new URLSearchParams({ host: dirname(path), user, password });
  const other = new Database({ address: { url: `postgres:///${name}?${parts}` } });
  const [row] = await other.run('Asking', other.sql<{ name: string }[]>`SELECT current_database() AS name`);
  await other.close();
  expect(row?.name).toBe(name);
});

test('a server that is not there is unreachable, and nothing was started', async () => {
  const connection = { ...store.connection, path: '/nowhere/.s.PGSQL.5432' };
  const error = await openStore({ connection }).catch((reason: unknown) => reason);
  expect(SandboxError.hasCode(error, 'unreachable')).toBe(true);
  expect(error).toMatchObject({ retryable: true, started: 'no' });
});

test('a wrong password or database is a matter of configuration', async () => {
  for (const wrong of [{ password: 'wrong' }, { database: 'nowhere' }]) {
    await expect(openStore({ connection: { ...store.connection, ...wrong } })).rejects.toMatchObject({
      code: 'configuration',
    });
  }
});

test('connections that are cut are unreachable, and soon statements work again', async () => {
  const { sql } = database;
  let over = false;
  const sleeping = Promise.allSettled(
    Array.from({ length: 15 }, () =>
      database.run('Sleeping', sql`SELECT pg_sleep(600), 'to be cut' AS marker`),
    ),
  ).finally(() => {
    over = true;
  });
  await eventually('all are cut', async () => {
    await store.sql`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND query LIKE '%to be cut%' AND pid <> pg_backend_pid()
    `;
    return over;
  });
  for (const result of await sleeping) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'unreachable' } });
  }
  await eventually('every connection works', async () => {
    const asked = Array.from({ length: 30 }, () => database.run('Asking', database.sql`SELECT 1`));
    return (await Promise.allSettled(asked)).every(({ status }) => status === 'fulfilled');
  });
});

test('connections that are cut under load leave nobody waiting', async () => {
  const { sql } = store;
  let asked = 0;
  let going = true;
  const workers = Array.from({ length: 20 }, async () => {
    while (going) {
      await database.run('Asking', database.sql`SELECT 1`).then(
        () => asked++,
        (error: unknown) => expect(error).toMatchObject({ code: 'unreachable' }),
      );
    }
  });
  for (let cut = 0; cut < 3; cut++) {
    const before = asked;
    await eventually('the load goes on', () => asked > before + 500);
    await sql`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()
    `;
  }
  const before = asked;
  await eventually('the load goes on', () => asked > before + 500);
  going = false;
  await Promise.all(workers);
});

test('statements are counted while somebody listens', async () => {
  const seen: string[] = [];
  const stop = store.onStatement((statement) => seen.push(statement));
  await store.ping();
  stop();
  await store.ping();
  expect(seen).toEqual(['SELECT 1']);
  expect(await store.dataSizeBytes()).toBeGreaterThan(1_000_000);
});
