import { eventually } from '@tooling/eventually';
import { v7 as uuidv7 } from 'uuid';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { storeGroup, WORKSPACE } from '../../test/records.ts';
import { openStore } from '../open-store.ts';
import { openTestStore, type TestStore } from '../testing.ts';
import { TurnQueue } from './turn-queue.ts';

let store: TestStore;
beforeEach(async () => {
  store = await openTestStore();
});
afterEach(() => store.close());

async function postTo(sessionId: string): Promise<string> {
  const { turnId } = await store.turns.post({
    workspaceId: WORKSPACE,
    sessionId,
    turnId: uuidv7(),
    messageId: uuidv7(),
    text: 'Go',
    limits: { maxModelCalls: null, timeBudgetMs: null },
    approvals: [],
    event: { type: 'turn.message', data: { text: 'Go' } },
  });
  return turnId;
}
const newSession = async () => (await storeGroup(store)).sessions[0]!.id;
const jobs = () => store.sql<{ data: { turnId: string } }[]>`SELECT data FROM boxyard_jobs.job`;

test('each turn is told to one of several processes, the oldest first', async () => {
  const posted: string[] = [];
  for (let count = 0; count < 12; count++) posted.push(await postTo(await newSession()));
  await using other = await openStore({ connection: store.connection });
  expect(await other.turns.takeDue(1)).toEqual(posted.splice(0, 1));
  expect(await store.turns.takeDue(1)).toEqual(posted.splice(0, 1));
  const taken = await Promise.all([store, other, store, other].map(({ turns }) => turns.takeDue(3)));
  expect(taken.flat().sort()).toEqual([...posted].sort());
  expect(await store.turns.takeDue(10)).toEqual([]);
  expect(await jobs()).toEqual([]);
});

test('a message and its job are one transaction, and more messages are no more jobs', async () => {
  const sessionId = await newSession();
  await expect(
    store.sql.begin(async (sql) => {
      await sql`INSERT INTO turns (id, workspace_id, session_id, status, limits, approvals, usage, created_at)
        VALUES ('undone', ${WORKSPACE}, ${sessionId}, 'queued', '{}', '[]', '{}', now())`;
      expect(await sql`SELECT FROM boxyard_jobs.job WHERE singleton_key = 'undone'`).toHaveLength(1);
      throw new Error('undo');
    }),
  ).rejects.toThrow('undo');
  expect(await jobs()).toEqual([]);
  const turnId = await postTo(sessionId);
  expect(await postTo(sessionId)).toBe(turnId);
  expect(await store.turns.takeDue(10)).toEqual([turnId]);
});

test('a turn whose worker let go, or died after it was told, is told again', async () => {
  const sessionId = await newSession();
  const turnId = await postTo(sessionId);
  const TTL_MS = 20_000;
  expect(await store.turns.takeDue(10)).toEqual([turnId]);
  // Nobody claimed it.
  await store.turns.requeue(TTL_MS);
  await store.turns.requeue(TTL_MS);
  expect(await store.turns.takeDue(10)).toEqual([turnId]);
  const claimed = (await store.turns.claim(turnId, 'worker', TTL_MS))!;
  await store.turns.requeue(TTL_MS);
  expect(await store.turns.takeDue(10)).toEqual([]);
  await store.turns.release(claimed.attempt);
  expect(await store.turns.takeDue(10)).toEqual([turnId]);
});

test("what the queue throws is told as the database's failure, and the queue goes on", async () => {
  await using other = await openStore({ connection: store.connection });
  await store.sql`ALTER TABLE boxyard_jobs.job_common RENAME TO away`;
  await expect(other.turns.takeDue(1)).rejects.toThrow(/away|job/);
  await store.sql`ALTER TABLE boxyard_jobs.away RENAME TO job_common`;
  const turnId = await postTo(await newSession());
  expect(await other.turns.takeDue(1)).toEqual([turnId]);
});

test('a job whose worker died before it struck it is told again', async () => {
  const turnId = await postTo(await newSession());
  await store.sql`
    UPDATE boxyard_jobs.job SET state = 'active', started_on = now() - interval '1 minute'
    WHERE singleton_key = ${turnId}`;
  expect(await store.turns.takeDue(1)).toEqual([]);
  const supervisor = await TurnQueue.open({ connection: store.connection }, { superviseEveryS: 1 });
  onTestFinished(() => supervisor.close());
  await eventually('the job is told again', async () => (await store.turns.takeDue(1)).includes(turnId));
});
