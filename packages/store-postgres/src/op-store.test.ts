import type { OpResult } from '@boxyard/sandbox-core';
import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { someOp, storeGroup, WORKSPACE } from '../test/records.ts';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});

afterAll(() => store.close());

const result: OpResult = {
  exitCode: 3,
  signal: null,
  timedOut: false,
  endedAt: new Date('2026-01-02T03:04:05.678Z'),
  wallTimeMs: 12,
  lostReason: null,
};
const event = { type: 'op', data: {} };

async function eventTypes(sessionId: string) {
  return (await store.events.read(sessionId, { after: 0, limit: 100 })).map(({ type }) => type);
}

test('the same id starts once, whatever else comes with it, and its events are stored once', async () => {
  const { sessions } = await storeGroup(store);
  const op = someOp(sessions[0]!, { command: 'echo "\\" é' });
  const started = await Promise.all(
    Array.from({ length: 10 }, (_, n) => store.ops.start({ ...op, bodyDigest: `digest ${n}` }, [event])),
  );
  expect(started.filter(({ created }) => created)).toHaveLength(1);
  const stored = started.find(({ created }) => created)!.op;
  expect(stored).toEqual({ ...op, bodyDigest: stored.bodyDigest });
  for (const answer of started) expect(answer.op).toEqual(stored);
  expect(await store.ops.get(op.sessionId, op.id)).toEqual(stored);
  expect(await eventTypes(op.sessionId)).toEqual(['op']);
});

test('start and finish are one statement each', async () => {
  const { sessions } = await storeGroup(store);
  const op = someOp(sessions[0]!);
  const statements: string[] = [];
  const stop = store.onStatement((statement) => statements.push(statement));
  await store.ops.start(op, [event]);
  await store.ops.finish(op, 'ended', result, [event, event]);
  stop();
  expect(statements).toHaveLength(2);
});

test('only the first end counts, and only it grows the revision', async () => {
  const { group, sessions } = await storeGroup(store, 2);
  const op = someOp(sessions[0]!);
  await store.ops.start(op, []);
  const ends = await Promise.all(
    [1, 2, 3, 4].map((exitCode) => store.ops.finish(op, 'ended', { ...result, exitCode }, [event])),
  );
  expect(Math.max(...ends.map(({ revision }) => revision))).toBe(1);
  expect(await store.events.revision(group.id)).toBe(1);
  expect(await eventTypes(op.sessionId)).toEqual(['op']);
  // The other session of the group sees the revision and not the op.
  expect(await eventTypes(sessions[1]!.id)).toEqual([]);
  const ended = await store.ops.get(op.sessionId, op.id);
  expect(ended).toMatchObject({ state: 'ended', result: { ...result, exitCode: expect.any(Number) } });
  await store.ops.finish(op, 'lost', { ...result, lostReason: 'late' }, [event]);
  expect(await store.ops.get(op.sessionId, op.id)).toEqual(ended);
});

test('who follows the session is woken by the start and by the end', async () => {
  const { sessions } = await storeGroup(store);
  const op = someOp(sessions[0]!);
  let woken = 0;
  const stop = store.events.subscribe(op.sessionId, () => woken++);
  await eventually('listening', () => woken > 0);
  let before = woken;
  await store.ops.start(op, [event]);
  await eventually('woken by the start', () => woken > before);
  before = woken;
  await store.ops.finish(op, 'ended', result, [event]);
  await eventually('woken by the end', () => woken > before);
  stop();
});

test('an op belongs to its session', async () => {
  const { sessions } = await storeGroup(store, 2);
  const [first, second] = sessions;
  const op = someOp(first!);
  await store.ops.start(op, []);
  const twin = await store.ops.start({ ...op, sessionId: second!.id }, []);
  expect(twin.created).toBe(true);
  expect(await store.ops.list(first!.id)).toHaveLength(1);
  expect(await store.ops.get('nowhere', op.id)).toBeNull();
  await expect(store.ops.start({ ...op, sessionId: 'nowhere' }, [event])).rejects.toMatchObject({
    code: 'not-found',
  });
});

test('ops and the deletion of their session never wait for each other', async () => {
  for (let round = 0; round < 5; round++) {
    const { sessions } = await storeGroup(store, 2);
    const session = sessions[0]!;
    const ops = Array.from({ length: 6 }, () => someOp(session));
    await Promise.all(ops.slice(0, 3).map((op) => store.ops.start(op, [event])));
    const answers = await Promise.allSettled([
      ...ops.slice(3).map((op) => store.ops.start(op, [event])),
      store.sessions.delete(WORKSPACE, session.id),
      ...ops.slice(0, 3).map((op) => store.ops.finish(op, 'ended', result, [event])),
    ]);
    for (const answer of answers) {
      if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'not-found' });
    }
    expect(await store.ops.list(session.id)).toEqual([]);
    expect(await eventTypes(session.id)).toEqual([]);
  }
});

test('running ops are found by whoever comes next; ended ones go after their time, running ones never', async () => {
  const { sessions } = await storeGroup(store);
  const [first, second] = [someOp(sessions[0]!), someOp(sessions[0]!)];
  for (const op of [first, second]) await store.ops.start(op, []);
  const running = async () => (await store.ops.running(100)).map(({ id }) => id);
  expect(await running()).toEqual(expect.arrayContaining([first.id, second.id]));
  await store.ops.finish(first, 'lost', { ...result, exitCode: null, lostReason: 'its spool is gone' }, []);
  expect(await running()).not.toContain(first.id);
  const expired = async (at: number) => (await store.ops.expired(new Date(at), 100)).map(({ id }) => id);
  expect(await expired(Date.now() - 60_000)).not.toContain(first.id);
  // By when it was stored, not by the time that the result names.
  expect(await expired(Date.now() + 60_000)).toContain(first.id);
  // An id is unique in its session only.
  const other = (await storeGroup(store)).sessions[0]!;
  await store.ops.remove([{ id: first.id, sessionId: other.id }]);
  expect((await store.ops.list(sessions[0]!.id)).map(({ id }) => id)).toContain(first.id);
  await store.ops.remove([first, second]);
  expect((await store.ops.list(sessions[0]!.id)).map(({ id }) => id)).toEqual([second.id]);
});

test('a running op is taken over only from a host that is silent, and what was told of it is known', async () => {
  const { sessions } = await storeGroup(store);
  const op = someOp(sessions[0]!);
  const [host, next] = [op.hostId, 'the next host'];
  const silentMs = 20_000;
  const delta = (stream: string, chunk: string, seq: number, opId = op.id) => ({
    type: 'sandbox.command.output.delta',
    data: { opId, stream, chunk, seq },
  });
  await store.ptys.beat(host);
  await store.ops.start(op, [{ type: 'other', data: { opId: op.id, chunk: 'a \0 that no text takes' } }]);
  const deltas = [delta('stdout', 'grün', 0), delta('stderr', 'oh', 1), delta('stdout', '!', 2)];
  const audience = { sessionId: op.sessionId };
  await store.events.append(audience, deltas, { leaseEpoch: 1, mutates: false });
  const again = [deltas[2]!, delta('stdout', 'of another', 7, 'another')];
  await store.events.append(audience, again, { leaseEpoch: 1, mutates: false });

  const adoptable = async (hostId: string) =>
    (await store.ops.running(100, { hostId, silentMs })).map(({ id }) => id);
  expect(await adoptable(next)).not.toContain(op.id);
  expect(await adoptable(host)).toContain(op.id);
  expect(await store.ops.adopt(op, next, { silentMs })).toBeNull();
  const told = { stdoutBytes: 6, stderrBytes: 2, nextSeq: 3, elided: false };
  expect(await store.ops.adopt(op, host, { silentMs })).toEqual(told);
  expect(await store.ops.adopt(op, next, { silentMs: 0 })).toEqual(told);
  expect((await store.ops.get(op.sessionId, op.id))?.hostId).toBe(next);
  // The one that took it over was never heard of.
  expect(await store.ops.adopt(op, host, { silentMs })).toEqual(told);
  const elided = { type: 'output.elided', data: { opId: op.id, afterBytes: 9 } };
  await store.events.append(audience, [elided], { leaseEpoch: 1, mutates: false });
  expect(await store.ops.adopt(op, host, { silentMs })).toEqual({ ...told, elided: true });
  await store.ops.finish(op, 'ended', result, []);
  expect(await store.ops.adopt(op, host, { silentMs })).toBeNull();
});
