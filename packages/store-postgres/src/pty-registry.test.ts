import type { PtyRecord } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storeGroup, WORKSPACE } from '../test/records.ts';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

const somePty = (session: { id: string; groupId: string }, hostId: string): PtyRecord => ({
  id: uuidv7(),
  sessionId: session.id,
  groupId: session.groupId,
  hostId,
  leaseEpoch: 3,
  cols: 80,
  rows: 24,
  createdAt: new Date(),
});
const event = (type: string) => ({ type, data: {} });
const told = async (sessionId: string) =>
  (await store.events.read(sessionId, { after: 0, limit: 100 })).map(({ type, leaseEpoch }) => [
    type,
    leaseEpoch,
  ]);

test('a terminal is found by its session, with its size and whether its host lives', async () => {
  const { sessions } = await storeGroup(store, 2);
  const host = uuidv7();
  const pty = somePty(sessions[0]!, host);
  await store.ptys.add(pty, [event('started')]);
  expect(await told(pty.sessionId)).toEqual([['started', 3]]);
  expect(await store.ptys.get(pty.sessionId, pty.id)).toEqual({ ...pty, end: null, hostAlive: false });
  await store.ptys.beat(host);
  await store.ptys.resized(pty.id, 100, 30);
  const known = { ...pty, cols: 100, rows: 30, end: null, hostAlive: true };
  expect(await store.ptys.list(pty.sessionId)).toEqual([known]);
  expect(await store.ptys.get(sessions[1]!.id, pty.id)).toBeNull();
});

test('its end is told once, whoever finds out', async () => {
  const { sessions } = await storeGroup(store);
  const pty = somePty(sessions[0]!, uuidv7());
  await store.ptys.add(pty, []);
  const end = { exitCode: null, reason: 'host-restarted' } as const;
  const ends = await Promise.all(
    Array.from({ length: 8 }, () => store.ptys.end(pty, end, [event('exited')])),
  );
  expect(ends.filter(Boolean)).toHaveLength(1);
  expect(await told(pty.sessionId)).toEqual([['exited', 3]]);
  expect(await store.ptys.list(pty.sessionId)).toEqual([]);
  expect(await store.ptys.get(pty.sessionId, pty.id)).toMatchObject({ end });
});

test('terminals of a silent host are orphans, until they are ended; a beat names those that live', async () => {
  const { sessions } = await storeGroup(store);
  const [host, other] = [uuidv7(), uuidv7()];
  const pty = somePty(sessions[0]!, host);
  await store.ptys.beat(host);
  await store.ptys.add(pty, []);
  const orphans = async (asking: string, silentMs = 20_000) =>
    (await store.ptys.orphans(asking, { silentMs, limit: 100 })).filter(({ id }) => id === pty.id);
  expect(await orphans(other)).toEqual([]);
  expect(await orphans(other, 0)).toEqual([pty]);
  expect(await orphans(host, 0)).toEqual([]);
  const lost = await store.ptys.orphans(host, { silentMs: 0, limit: 100, alsoIds: [pty.id] });
  expect(lost).toContainEqual(pty);
  expect(await store.ptys.beat(host)).toEqual([pty.id]);
  try {
    await store.setClockOffset(30_000);
    expect(await orphans(other)).toEqual([pty]);
    await store.ptys.end(pty, { exitCode: null, reason: 'host-restarted' }, []);
    expect(await orphans(other)).toEqual([]);
    expect(await store.ptys.beat(host)).toEqual([]);
    await store.setClockOffset(120_000);
    await store.ptys.beat(other);
    expect(await store.ptys.get(pty.sessionId, pty.id)).toBeNull();
  } finally {
    await store.setClockOffset(0);
  }
});

test('a deleted session has no terminals and gets none', async () => {
  const { sessions } = await storeGroup(store);
  const pty = somePty(sessions[0]!, uuidv7());
  await store.ptys.add(pty, []);
  await store.sessions.delete(WORKSPACE, pty.sessionId);
  expect(await store.ptys.get(pty.sessionId, pty.id)).toBeNull();
  expect(await store.ptys.end(pty, { exitCode: 0, reason: 'exited' }, [event('exited')])).toBe(false);
  await expect(store.ptys.add({ ...pty, id: uuidv7() }, [])).rejects.toMatchObject({ code: 'not-found' });
});
