import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database } from './connect.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations/migrations.ts';
import { openStore } from './open-store.ts';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});

afterAll(() => store.close());

/** An empty database on the same server. */
async function emptyDatabase(name: string) {
  await store.sql.unsafe(`CREATE DATABASE ${name} STRATEGY FILE_COPY`);
  const connection = { ...store.connection, database: name };
  return { connection, database: new Database({ address: { connection } }) };
}

const applied = async ({ sql }: Database) =>
  (await sql<{ version: number }[]>`SELECT version FROM schema_migrations ORDER BY version`).map(
    ({ version }) => version,
  );

test('servers that start together on an empty database all find it up to date', async () => {
  const { connection, database } = await emptyDatabase('together');
  const stores = await Promise.all(Array.from({ length: 4 }, () => openStore({ connection })));
  expect(await applied(database)).toEqual(MIGRATIONS.map(({ version }) => version));
  for (const one of stores) {
    await one.ping();
    await one.close();
  }
  await database.close();
});

test('a step that fails leaves nothing of itself, and the steps before it', async () => {
  const { database } = await emptyDatabase('failing');
  const steps = [
    { version: 1, name: 'good', sql: 'CREATE TABLE good ()' },
    { version: 2, name: 'bad', sql: 'CREATE TABLE bad (); SELECT 1 / 0' },
  ];
  await expect(migrate(database, steps)).rejects.toMatchObject({ name: 'SandboxError' });
  expect(await applied(database)).toEqual([1]);
  const [found] =
    await database.sql`SELECT to_regclass('good') IS NULL AS good, to_regclass('bad') IS NULL AS bad`;
  expect(found).toEqual({ good: false, bad: true });
  const mended = [steps[0]!, { ...steps[1]!, sql: 'CREATE TABLE bad ()' }];
  await migrate(database, mended);
  expect(await applied(database)).toEqual([1, 2]);
  await database.close();
});

test('an older version refuses a newer schema and says what to do', async () => {
  const { connection, database } = await emptyDatabase('newer');
  const newer = [...MIGRATIONS, { version: 9_999, name: 'future', sql: 'CREATE TABLE future ()' }];
  await migrate(database, newer);
  await expect(openStore({ connection })).rejects.toMatchObject({
    code: 'configuration',
    started: 'no',
    message: expect.stringMatching(/9999 \(future\).*Start the newer version/),
  });
  await database.close();
});

test('a step that was changed after it was applied is refused', async () => {
  const { database } = await emptyDatabase('changed');
  const step = { version: 1, name: 'first', sql: 'CREATE TABLE first ()' };
  await migrate(database, [step]);
  await expect(migrate(database, [{ ...step, sql: 'CREATE TABLE other ()' }])).rejects.toMatchObject({
    code: 'configuration',
    message: expect.stringContaining('another step 1'),
  });
  await database.close();
});

test('steps stand in the order of their numbers, each number once', () => {
  const versions = MIGRATIONS.map(({ version }) => version);
  expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
});
