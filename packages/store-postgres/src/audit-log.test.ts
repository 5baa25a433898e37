import type { NewAuditEntry } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { someOp, storeGroup } from '../test/records.ts';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;
let workspaceId: string;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());
beforeEach(() => {
  workspaceId = uuidv7();
});

const newEntry = (overrides: Partial<NewAuditEntry> = {}): NewAuditEntry => ({
  id: uuidv7(),
  workspaceId,
  sessionId: uuidv7(),
  actor: { kind: 'key', id: 'a-key' },
  action: 'session.create',
  target: 'it',
  requestId: 'request-1',
  outcome: 'done',
  detail: { note: "quoted ' and \0" },
  ...overrides,
});

test('entries come back as written, newest first, with the time of the record', async () => {
  const entries = [newEntry(), newEntry({ sessionId: null, target: null, requestId: null })];
  await store.audit.append(entries);
  const listed = await store.audit.list(workspaceId, { limit: 10 });
  expect(listed.map(({ at: _, ...entry }) => entry)).toEqual(entries.toReversed());
  expect(listed[0]!.at).toBeInstanceOf(Date);
  expect(await store.audit.list(uuidv7(), { limit: 10 })).toEqual([]);
});

test('writing an entry twice writes it once', async () => {
  const entry = newEntry();
  await store.audit.append([entry]);
  await store.audit.append([entry, newEntry()]);
  expect(await store.audit.list(workspaceId, { limit: 10 })).toHaveLength(2);
});

test('entries are found by action, actor, session and time, in pages', async () => {
  const sessionId = uuidv7();
  const wanted = newEntry({ action: 'command.run', actor: { kind: 'key', id: 'other-key' }, sessionId });
  await store.audit.append([newEntry(), wanted, newEntry()]);
  const ids = async (query: Partial<Parameters<typeof store.audit.list>[1]>) =>
    (await store.audit.list(workspaceId, { limit: 10, ...query })).map(({ id }) => id);
  expect(await ids({ action: 'command.run' })).toEqual([wanted.id]);
  expect(await ids({ actorId: 'other-key' })).toEqual([wanted.id]);
  expect(await ids({ sessionId })).toEqual([wanted.id]);
  expect(await ids({ from: new Date(Date.now() + 60_000) })).toEqual([]);
  expect(await ids({ to: new Date(Date.now() - 60_000) })).toEqual([]);
  expect(await ids({ from: new Date(Date.now() - 60_000) })).toHaveLength(3);
  const [newest, ...older] = await ids({});
  expect(await ids({ limit: 1 })).toEqual([newest]);
  expect(await ids({ after: newest! })).toEqual(older);
});

test.each([
  ['UPDATE', "UPDATE audit_log SET outcome = 'denied'"],
  ['DELETE', 'DELETE FROM audit_log'],
  ['TRUNCATE', 'TRUNCATE audit_log'],
])('the database refuses %s', async (_, statement) => {
  const entry = newEntry();
  await store.audit.append([entry]);
  await expect(store.sql.unsafe(statement)).rejects.toThrow('append-only');
  expect(await store.audit.list(workspaceId, { limit: 10 })).toMatchObject([
    { id: entry.id, outcome: 'done' },
  ]);
});

test('retention removes what is old, a bounded number at a time, and leaves the door shut behind it', async () => {
  const own = await openTestStore();
  try {
    await own.audit.append([newEntry(), newEntry(), newEntry()]);
    expect(await own.audit.trim(new Date(Date.now() - 60_000), 10)).toBe(0);
    expect(await own.audit.trim(new Date(Date.now() + 60_000), 2)).toBe(2);
    // In one transaction with it, because its right must not last until the end of that.
    const delayed = own.sql.begin(async (sql) => {
      await sql`SELECT trim_audit(now() - interval '1 hour', 10)`;
      await sql`DELETE FROM audit_log`;
    });
    await expect(delayed).rejects.toThrow('append-only');
    expect(await own.audit.list(workspaceId, { limit: 10 })).toHaveLength(1);
  } finally {
    await own.close();
  }
});

test('who started a command is stored in the statement that starts it, once', async () => {
  const session = (await storeGroup(store)).sessions[0]!;
  const op = someOp(session);
  const entry = newEntry({ action: 'command.run', sessionId: session.id });
  const statements: string[] = [];
  const stop = store.onStatement((statement) => statements.push(statement));
  await store.ops.start(op, [], entry);
  stop();
  expect(statements).toHaveLength(1);
  await store.ops.start(op, [], newEntry({ action: 'command.run', sessionId: session.id }));
  expect(await store.audit.list(workspaceId, { limit: 10 })).toMatchObject([{ id: entry.id }]);
});
