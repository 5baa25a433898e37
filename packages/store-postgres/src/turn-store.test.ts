import { SandboxError, type TurnAttempt } from '@boxyard/sandbox-core';
import { eventually } from '@tooling/eventually';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { storeGroup, WORKSPACE } from '../test/records.ts';
import { openStore } from './open-store.ts';
import { openTestStore, type TestStore } from './testing.ts';

const TTL_MS = 20_000;
const LIMITS = { maxModelCalls: null, timeBudgetMs: null };

let store: TestStore;
let sessionId: string;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());
beforeEach(async () => {
  await store.setClockOffset(0);
  sessionId = (await storeGroup(store)).sessions[0]!.id;
});

const post = (text: string, approvals: readonly string[] = []) =>
  store.turns.post({
    workspaceId: WORKSPACE,
    sessionId,
    turnId: uuidv7(),
    messageId: uuidv7(),
    text,
    limits: LIMITS,
    approvals,
    event: { type: 'turn.message', data: { text } },
  });
const claim = (turnId: string, worker = 'worker-1') => store.turns.claim(turnId, worker, TTL_MS);
/** Every turn that somebody should take up. */
async function due(): Promise<readonly string[]> {
  await store.turns.requeue(TTL_MS);
  return store.turns.takeDue(100);
}
const get = (turnId: string) => store.turns.get(WORKSPACE, sessionId, turnId);
const ended = (type: string) => ({ type, data: {} });
const complete = (attempt: TurnAttempt) =>
  store.turns.finish(attempt, { status: 'completed', error: null }, [ended('turn.completed')]);
/** Of what was written after the messages. */
const typesOf = async () =>
  (await store.events.read(sessionId, { after: 0, limit: 100 }))
    .map(({ type }) => type)
    .filter((type) => type !== 'turn.message');

/** A turn that a worker has just taken up. */
async function running(text = 'Go') {
  const { turnId } = await post(text);
  const claimed = (await claim(turnId))!;
  await store.turns.takeDue(100);
  return { turnId, attempt: claimed.attempt };
}

test('two messages at once begin one turn, which is told both in order of their arrival', async () => {
  const posted = await Promise.all([post('first'), post('second'), post('third')]);
  expect(new Set(posted.map(({ turnId }) => turnId)).size).toBe(1);
  expect(posted.filter(({ isNewTurn }) => isNewTurn)).toHaveLength(1);
  const { attempt } = (await claim(posted[0]!.turnId))!;
  const texts = await store.turns.takeMessages(attempt);
  expect([...texts].sort()).toEqual(['first', 'second', 'third']);
  expect(await store.turns.takeMessages(attempt)).toEqual([]);
  const journal = await store.turns.journal(sessionId);
  expect(journal.map(({ kind, body }) => [kind, body])).toEqual(texts.map((text) => ['input', { text }]));
});

test('of many workers one gets the turn', async () => {
  const { turnId } = await post('Go');
  const other = await openStore({ connection: store.connection });
  try {
    const claims = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        (index % 2 ? store : other).turns.claim(turnId, `worker-${index}`, TTL_MS),
      ),
    );
    expect(claims.filter((claimed) => claimed !== null)).toHaveLength(1);
  } finally {
    await other.close();
  }
  expect(await get(turnId)).toMatchObject({ status: 'running', attempt: 1 });
});

test('a worker without a beat loses the turn, and none of its writes counts any more', async () => {
  const { turnId, attempt } = await running();
  await store.turns.takeMessages(attempt);
  expect(await due()).not.toContain(turnId);
  await store.setClockOffset(TTL_MS - 1_000);
  await store.turns.beat(attempt);
  await store.setClockOffset(TTL_MS + 10_000);
  expect(await claim(turnId, 'worker-2')).toBeNull();

  await store.setClockOffset(3 * TTL_MS);
  expect(await due()).toContain(turnId);
  const second = (await claim(turnId, 'worker-2'))!;
  expect(second.attempt.attempt).toBe(2);
  const stale = [
    () => store.turns.beat(attempt),
    () => store.turns.takeMessages(attempt),
    () => store.turns.record(attempt, [{ kind: 'response', body: {} }]),
    () => store.turns.park(attempt, 'state', [], []),
    () => complete(attempt),
  ];
  for (const write of stale) {
    await expect(write()).rejects.toSatisfy((error) => SandboxError.hasCode(error, 'fenced'));
  }
  await store.turns.release(attempt);
  expect(await complete(second.attempt)).toBe('finished');
  expect(await typesOf()).toEqual(['turn.completed']);
});

test('the journal keeps what was written, with bytes that text has trouble with, across turns', async () => {
  const first = await running('one');
  await store.turns.takeMessages(first.attempt);
  const usage = { modelCalls: 1, inputTokens: 10, outputTokens: 20 };
  const body = { output: 'a\u0000b "quoted" \\u0000 ü' };
  await store.turns.record(
    first.attempt,
    [
      { kind: 'response', body },
      { kind: 'call', callId: 'call-1', body: { opId: 'op-1' } },
      { kind: 'result', callId: 'call-1', body },
    ],
    usage,
  );
  await complete(first.attempt);
  const second = await running('two');
  await store.turns.takeMessages(second.attempt);
  const journal = await store.turns.journal(sessionId);
  expect(journal.map(({ kind, turnId }) => [kind, turnId])).toEqual([
    ['input', first.turnId],
    ['response', first.turnId],
    ['call', first.turnId],
    ['result', first.turnId],
    ['input', second.turnId],
  ]);
  expect(journal[1]).toMatchObject({ body, attempt: 1 });
  expect(journal[2]).toMatchObject({ callId: 'call-1', body: { opId: 'op-1' } });
  expect((await get(first.turnId))?.usage).toEqual(usage);
});

test('a turn does not complete over a message that it was not told; a failed one hands it on', async () => {
  const { turnId, attempt } = await running('one');
  await store.turns.takeMessages(attempt);
  expect(await post('wait, also this')).toEqual({ turnId, isNewTurn: false });
  expect(await store.turns.beat(attempt)).toEqual({ cancelRequested: false, hasMessages: true });
  expect(await complete(attempt)).toBe('more-messages');
  expect(await typesOf()).toEqual([]);
  expect(await store.turns.takeMessages(attempt)).toEqual(['wait, also this']);

  await post('and this');
  const error = { code: 'model', message: 'The model does not answer.' };
  await store.turns.finish(attempt, { status: 'failed', error }, [ended('turn.failed')]);
  expect(await get(turnId)).toMatchObject({ status: 'failed', error });
  expect((await store.turns.journal(sessionId)).at(-1)).toMatchObject({ body: { text: 'and this' } });
});

test('a turn waits for all its approvals, decided once, and hands out its state once', async () => {
  const { turnId, attempt } = await running();
  const [one, two] = [uuidv7(), uuidv7()];
  const call = { callId: 'call', tool: 'exec_command', arguments: '{"cmd":"rm"}' };
  await store.turns.park(
    attempt,
    'the state',
    [
      { id: one, ...call },
      { id: two, ...call },
    ],
    [ended('asked')],
  );
  expect(await get(turnId)).toMatchObject({ status: 'waiting' });
  expect(await claim(turnId)).toBeNull();

  const decide = (approvalId: string, decision: 'approved' | 'rejected') =>
    store.turns.decide({ workspaceId: WORKSPACE, sessionId, approvalId }, decision, 'key-1', ended(decision));
  expect(await decide(one, 'approved')).toMatchObject({ isNew: true, approval: { decision: 'approved' } });
  expect(await decide(one, 'rejected')).toMatchObject({ isNew: false, approval: { decision: 'approved' } });
  expect(await claim(turnId)).toBeNull();
  await decide(two, 'rejected');
  expect(await decide(uuidv7(), 'approved')).toBeNull();

  expect(await due()).toContain(turnId);
  expect(await claim(turnId)).toMatchObject({ runState: 'the state', turn: { attempt: 2 } });
  await store.setClockOffset(2 * TTL_MS);
  expect(await claim(turnId)).toMatchObject({ runState: null, turn: { attempt: 3 } });
  expect((await store.turns.approvals(turnId)).map(({ decision }) => decision)).toEqual([
    'approved',
    'rejected',
  ]);
  expect(await typesOf()).toEqual(['asked', 'approved', 'rejected']);
});

test('cancelling ends a turn that nobody runs, asks one that runs, and leaves one that has ended', async () => {
  const cancel = (turnId: string) =>
    store.turns.cancel({ workspaceId: WORKSPACE, sessionId, turnId }, ended('turn.cancelled'));
  const queued = await post('Go');
  expect(await cancel(queued.turnId)).toMatchObject({ status: 'cancelled' });
  expect(await cancel(queued.turnId)).toMatchObject({ status: 'cancelled' });
  expect(await typesOf()).toEqual(['turn.cancelled']);

  const { turnId, attempt } = await running();
  expect(await cancel(turnId)).toMatchObject({ status: 'running', cancelRequested: true });
  expect(await store.turns.beat(attempt)).toMatchObject({ cancelRequested: true });
  await store.turns.finish(attempt, { status: 'cancelled', error: null }, [ended('turn.cancelled')]);
  expect(await typesOf()).toEqual(['turn.cancelled', 'turn.cancelled']);
  expect(await cancel(uuidv7())).toBeNull();
});

test('who listens hears of new turns and of what a running one has to know', async () => {
  let due = 0;
  let signals = 0;
  const stopDue = store.turns.onDue(() => {
    due += 1;
  });
  const { turnId } = await post('Go');
  await eventually('a turn is due', () => due > 0);
  const stopSignals = store.turns.onSignal(turnId, () => {
    signals += 1;
  });
  const before = signals;
  await post('more');
  await eventually('a signal', () => signals > before);
  stopDue();
  stopSignals();
});

test('a session takes its turns along, and without a session there is none', async () => {
  const { turnId, attempt } = await running();
  await store.turns.record(attempt, [{ kind: 'response', body: {} }]);
  await store.sessions.delete(WORKSPACE, sessionId);
  expect(await get(turnId)).toBeNull();
  expect(await store.turns.journal(sessionId)).toEqual([]);
  await expect(store.turns.beat(attempt)).rejects.toSatisfy((error) => SandboxError.hasCode(error, 'fenced'));
  await expect(post('Hello?')).rejects.toSatisfy((error) => SandboxError.hasCode(error, 'not-found'));
});

test('events of a turn carry its id in the log', async () => {
  const { turnId, attempt } = await running();
  await store.turns.takeMessages(attempt);
  await complete(attempt);
  const events = await store.events.read(sessionId, { after: 0, limit: 100 });
  expect(events.map((event) => [event.seq, event.type, event.turnId])).toEqual([
    [1, 'turn.message', turnId],
    [2, 'turn.completed', turnId],
  ]);
});

test('an attempt that is over tells nothing more', async () => {
  const { turnId, attempt } = await running();
  await store.turns.tell(attempt, [{ type: 'model.text.delta', data: { text: 'a' } }]);
  await store.turns.release(attempt);
  const late = store.turns.tell(attempt, [{ type: 'model.text.delta', data: { text: 'b' } }]);
  await expect(late).rejects.toMatchObject({ code: 'fenced' });
  const events = await store.events.read(sessionId, { after: 1, limit: 100 });
  expect(events.map(({ data }) => data)).toEqual([{ text: 'a' }]);
  expect(events[0]?.turnId).toBe(turnId);
});

test('an entry is stored together with its events or neither of them is, and says whether messages wait', async () => {
  const { turnId, attempt } = await running();
  const call = { kind: 'call', callId: 'one', body: { tool: 'exec_command', opId: 'op' } } as const;
  const started = [ended('tool.call.started'), ended('tool.call.output.delta')];
  expect(await store.turns.record(attempt, [call], null, started)).toEqual({ hasMessages: true });
  await store.turns.takeMessages(attempt);
  expect(await store.turns.record(attempt, [], null, [])).toEqual({ hasMessages: false });
  await post('And another thing');
  expect(await store.turns.record(attempt, [], null, [])).toEqual({ hasMessages: true });
  expect(await typesOf()).toEqual(['tool.call.started', 'tool.call.output.delta']);
  const entries = async () => (await store.turns.journal(sessionId)).map(({ kind }) => kind);
  expect(await entries()).toEqual(['call', 'input']);
  // Another worker has it.
  await store.setClockOffset(60_000);
  await claim(turnId, 'worker-2');
  const late = store.turns.record(attempt, [call], null, started);
  await expect(late).rejects.toMatchObject({ code: 'fenced' });
  expect(await typesOf()).toHaveLength(2);
  expect(await entries()).toHaveLength(2);
});

test('the time of a turn is that of its attempts, and not what lies between them', async () => {
  const { turnId, attempt } = await running();
  await store.setClockOffset(60_000);
  await store.turns.release(attempt);
  await store.setClockOffset(3_600_000);
  const second = (await claim(turnId))!;
  expect(second.workedMs).toBeGreaterThanOrEqual(59_000);
  expect(second.workedMs).toBeLessThan(600_000);
  // It dies at once: nobody knows of any work after its last beat.
  await store.setClockOffset(7_200_000);
  expect((await claim(turnId))?.workedMs).toBeLessThan(600_000);
});

test('what a model took is counted once, with its answer, and stays when its session is gone', async () => {
  const { usage } = store;
  const { attempt } = await running();
  const always = { fromMs: 0, toMs: Date.now() + 365 * 86_400_000 };
  const before = await usage.modelUsage(WORKSPACE, always);
  const answer = { kind: 'response', body: { output: [] } } as const;
  await store.turns.record(attempt, [answer], { modelCalls: 1, inputTokens: 10, outputTokens: 1 });
  await store.turns.record(attempt, [answer], { modelCalls: 2, inputTokens: 30, outputTokens: 5 });
  await store.turns.record(attempt, []);
  // A worker that was replaced writes neither an answer nor what it took.
  await store.setClockOffset(60_000);
  await claim(attempt.turnId, 'worker-2');
  const late = { modelCalls: 3, inputTokens: 99, outputTokens: 99 };
  await expect(store.turns.record(attempt, [answer], late)).rejects.toMatchObject({ code: 'fenced' });
  const taken = { modelCalls: 2, inputTokens: 30, outputTokens: 5 };
  expect(await usage.modelUsage(WORKSPACE, always, { sessionId })).toEqual(taken);
  expect(await usage.modelUsage(WORKSPACE, { fromMs: 0, toMs: 1 })).toMatchObject({ modelCalls: 0 });
  await store.sessions.delete(WORKSPACE, sessionId);
  expect(await usage.modelUsage(WORKSPACE, always)).toEqual({
    modelCalls: before.modelCalls + 2,
    inputTokens: before.inputTokens + 30,
    outputTokens: before.outputTokens + 5,
  });
});

test('a budget of tokens is used up by what models took this month, and stands beside that of boxes', async () => {
  const { usage } = store;
  const { attempt } = await running();
  const answer = { kind: 'response', body: { output: [] } } as const;
  await store.turns.record(attempt, [answer], { modelCalls: 1, inputTokens: 90, outputTokens: 10 });
  const { usedModelTokens, month } = await usage.budget(WORKSPACE);
  expect(usedModelTokens).toBeGreaterThanOrEqual(100);
  await usage.setModelBudget(WORKSPACE, usedModelTokens + 1);
  expect(await usage.usedUp(WORKSPACE)).toBeNull();
  await usage.setModelBudget(WORKSPACE, usedModelTokens);
  expect(await usage.usedUp(WORKSPACE)).toMatchObject({
    limitModelTokens: usedModelTokens,
    limitSeconds: null,
  });
  await store.setClockOffset(month.toMs - Date.now() + 60_000);
  expect(await usage.usedUp(WORKSPACE)).toBeNull();
  expect(await usage.budget(WORKSPACE)).toMatchObject({ usedModelTokens: 0 });
  await store.setClockOffset(0);
  const nextYear = new Date(Date.now() + 365 * 86_400_000);
  expect(await usage.trim(nextYear, 100)).toBe(0);
  await store.setClockOffset(month.toMs - Date.now() + 60_000);
  const kept = { fromMs: 0, toMs: nextYear.getTime() };
  expect(await usage.trim(new Date(month.fromMs), 100)).toBe(0);
  expect(await usage.trim(nextYear, 100)).toBeGreaterThan(0);
  expect(await usage.modelUsage(WORKSPACE, kept)).toMatchObject({ modelCalls: 0 });
  await store.setClockOffset(0);
  await usage.setModelBudget(WORKSPACE, null);
  expect(await usage.usedUp(WORKSPACE)).toBeNull();
});
