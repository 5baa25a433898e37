import type { ActivePointer, PointerSwap, SwapRequest } from '@boxyard/sandbox-core';
import { eventually } from '@tooling/eventually';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { someGroup, someOp, someSession, storeGroup, WORKSPACE } from '../test/records.ts';
import { openStore } from './open-store.ts';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});

afterAll(() => store.close());

const describeSwap = (from: ActivePointer, to: ActivePointer) => ({
  type: 'sandbox.swapped',
  data: { from: from.activeSandboxId, to: to.activeSandboxId, activeEpoch: to.activeEpoch },
});

const swap = (
  sessionId: string,
  target: string | null,
  more: Partial<SwapRequest> = {},
): Promise<PointerSwap> =>
  store.pointers.swap({
    workspaceId: WORKSPACE,
    sessionId,
    target,
    leaseEpoch: 7,
    describe: describeSwap,
    ...more,
  });

const eventsOf = (sessionId: string) => store.events.read(sessionId, { after: 0, limit: 100 });
const append = (audience: Parameters<typeof store.events.append>[0], type: string) =>
  store.events.append(audience, [{ type, data: {} }], { leaseEpoch: 1, mutates: true });

/** A session, and another one whose group it can go to. */
async function twoSessions() {
  const own = await storeGroup(store);
  const other = await storeGroup(store);
  return {
    session: own.sessions[0]!,
    home: own.group.id,
    other: other.group.id,
    neighbour: other.sessions[0]!,
  };
}

describe('the pointer of a session', () => {
  test('begins at home, and moves with its event in one step', async () => {
    const { session, home, other } = await twoSessions();
    expect(await store.pointers.read(WORKSPACE, session.id)).toEqual({
      homeGroupId: home,
      activeSandboxId: null,
      activeEpoch: 0,
    });
    expect(await swap(session.id, other)).toEqual({
      outcome: 'swapped',
      from: { activeSandboxId: null, activeEpoch: 0 },
      pointer: { activeSandboxId: other, activeEpoch: 1 },
    });
    expect(await store.sessions.get(WORKSPACE, session.id)).toMatchObject({
      group: { id: home },
      pointer: { activeSandboxId: other, activeEpoch: 1 },
    });
    expect(await eventsOf(session.id)).toMatchObject([
      { type: 'sandbox.swapped', data: { from: null, to: other, activeEpoch: 1 }, leaseEpoch: 7, seq: 1 },
    ]);
  });

  test('goes home under either name of home, and a swap to what is active changes nothing', async () => {
    const { session, home, other } = await twoSessions();
    expect((await swap(session.id, home)).outcome).toBe('unchanged');
    await swap(session.id, other);
    expect((await swap(session.id, other, { expectedEpoch: 0 })).outcome).toBe('unchanged');
    expect((await swap(session.id, home)).pointer).toEqual({ activeSandboxId: null, activeEpoch: 2 });
    expect(await eventsOf(session.id)).toHaveLength(2);
  });

  test('refuses who expects another epoch, and changes nothing then', async () => {
    const { session, other } = await twoSessions();
    expect(await swap(session.id, other, { expectedEpoch: 3 })).toMatchObject({
      outcome: 'fenced',
      pointer: { activeSandboxId: null, activeEpoch: 0 },
    });
    expect(await eventsOf(session.id)).toEqual([]);
  });

  test('is won by exactly one of two that race from the same epoch', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { session, other } = await twoSessions();
      const { group: third } = await storeGroup(store);
      const answers = await Promise.all([
        swap(session.id, other, { expectedEpoch: 0 }),
        swap(session.id, third.id, { expectedEpoch: 0 }),
      ]);
      expect(answers.map(({ outcome }) => outcome).sort()).toEqual(['fenced', 'swapped']);
      const won = answers.find(({ outcome }) => outcome === 'swapped')!;
      expect(await store.pointers.read(WORKSPACE, session.id)).toMatchObject(won.pointer);
      expect(await eventsOf(session.id)).toHaveLength(1);
    }
  });

  test('takes both of two that race and expect nothing, one after the other', async () => {
    const { session, other } = await twoSessions();
    const { group: third } = await storeGroup(store);
    await Promise.all([swap(session.id, other), swap(session.id, third.id)]);
    expect(await store.pointers.read(WORKSPACE, session.id)).toMatchObject({ activeEpoch: 2 });
    const told = (await eventsOf(session.id)).map(({ data }) => data);
    expect(told.map(({ activeEpoch }) => activeEpoch)).toEqual([1, 2]);
    expect(told[1]!.from).toBe(told[0]!.to);
  });

  test('cannot lead to a group of another workspace, or to one that is not there', async () => {
    const { session } = await twoSessions();
    const foreign = someGroup({ workspaceId: 'other' });
    await store.sessions.create(someSession(foreign.id, { workspaceId: 'other' }), foreign);
    for (const target of [foreign.id, uuidv7()])
      await expect(swap(session.id, target)).rejects.toMatchObject({ code: 'not-found', started: 'no' });
    await expect(swap(uuidv7(), null)).rejects.toMatchObject({ code: 'not-found' });
    expect(await store.pointers.read('other', session.id)).toBeNull();
    expect(await eventsOf(session.id)).toEqual([]);
  });

  test('is told to other processes when it moves', async () => {
    const { session, other } = await twoSessions();
    await using elsewhere = await openStore({ connection: store.connection });
    let told = 0;
    const stop = elsewhere.pointers.subscribe(session.id, () => {
      told += 1;
    });
    // Whoever subscribes is woken once when it listens.
    await eventually('the first wake-up', () => told > 0);
    const before = told;
    await swap(session.id, other);
    await eventually('the wake-up of the swap', () => told > before);
    stop();
  });
});

describe('what happens in the box that a session works in', () => {
  test('is told to the session, and what happens at home is not', async () => {
    const { session, home, other, neighbour } = await twoSessions();
    await swap(session.id, other);
    await append({ groupId: home }, 'at.home');
    const revision = await append({ groupId: other }, 'away');
    expect(await append({ sessionId: session.id }, 'own')).toBe(revision + 1);
    expect((await eventsOf(session.id)).map(({ type }) => type)).toEqual(['sandbox.swapped', 'away', 'own']);
    expect((await eventsOf(neighbour.id)).map(({ type }) => type)).toEqual(['away']);
    expect(await store.sessions.sessionsOf(home)).toEqual([]);
    expect(await store.sessions.sessionsOf(other)).toEqual([session.id, neighbour.id].sort());
  });

  test('is told also when it ends after the session went elsewhere', async () => {
    const { session, home, other } = await twoSessions();
    const op = someOp(session);
    await store.ops.start(op, []);
    await swap(session.id, other);
    const result = {
      exitCode: 0,
      signal: null,
      timedOut: false,
      endedAt: new Date(),
      wallTimeMs: 1,
      lostReason: null,
    };
    const { revision } = await store.ops.finish(op, 'ended', result, [{ type: 'op.ended', data: {} }]);
    expect(revision).toBe(await store.events.revision(home));
    expect((await eventsOf(session.id)).map(({ type }) => type)).toEqual(['sandbox.swapped', 'op.ended']);
    // Begun in the box that it had opened before the swap.
    expect((await store.ops.start(someOp(session), [])).op.groupId).toBe(home);
  });

  test('is never lost by a swap at the same time', async () => {
    const { session, other } = await twoSessions();
    const appends = Array.from({ length: 20 }, (_, index) =>
      append({ sessionId: session.id }, `own.${index}`),
    );
    await Promise.all([...appends, swap(session.id, other), swap(session.id, null), swap(session.id, other)]);
    const events = await eventsOf(session.id);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter(({ type }) => type.startsWith('own.'))).toHaveLength(20);
  });
});

describe('a group that was made for a swap', () => {
  const make = async (awaitedForMs = 60_000) => {
    const group = someGroup();
    await store.sessions.createGroup(group, { awaitedForMs });
    return group.id;
  };
  const abandoned = async () => (await store.sessions.abandonedGroups(1000)).map(({ id }) => id);

  test('is abandoned when the swap does not come, and takes no swap any more then', async () => {
    const { session } = await twoSessions();
    const waiting = await make();
    expect(await abandoned()).not.toContain(waiting);
    const late = await make(0);
    expect(await abandoned()).toContain(late);
    await expect(swap(session.id, late)).rejects.toMatchObject({ code: 'not-found' });
    expect((await swap(session.id, waiting)).outcome).toBe('swapped');
  });

  test('belongs to the session from then on, is kept when that goes home, and goes with it', async () => {
    const { session, home } = await twoSessions();
    const made = await make();
    await swap(session.id, made);
    await expect(store.sessions.deleteGroup(made)).rejects.toMatchObject({ code: 'conflict' });
    await swap(session.id, null);
    expect(await abandoned()).not.toContain(made);
    expect((await swap(session.id, made)).outcome).toBe('swapped');
    const deleted = await store.sessions.delete(WORKSPACE, session.id);
    expect(deleted?.freed).toEqual([home, made].sort());
    expect(await abandoned()).toEqual(expect.arrayContaining([home, made]));
    for (const id of [home, made]) await store.sessions.deleteGroup(id);
  });

  test('stays while another session works in it, and that one frees it', async () => {
    const { session, home, neighbour, other } = await twoSessions();
    const made = await make();
    await swap(session.id, made);
    await swap(neighbour.id, made);
    expect(await store.sessions.delete(WORKSPACE, session.id)).toEqual({ freed: [home] });
    expect((await store.sessions.delete(WORKSPACE, neighbour.id))?.freed).toEqual([other, made].sort());
  });
});

test("another session's group is kept for who works in it when that session is deleted", async () => {
  const { session, home, other, neighbour } = await twoSessions();
  await swap(session.id, other);
  expect(await store.sessions.delete(WORKSPACE, neighbour.id)).toEqual({ freed: [] });
  expect((await store.sessions.delete(WORKSPACE, session.id))?.freed).toEqual([home, other].sort());
});

test('deleting and swapping at once leave no group that is used and freed, nor one that is neither', async () => {
  for (let round = 0; round < 10; round += 1) {
    const { session, home, other, neighbour } = await twoSessions();
    const [swapped, first] = await Promise.all([
      swap(session.id, other).catch(({ code }) => code),
      store.sessions.delete(WORKSPACE, neighbour.id),
    ]);
    if (swapped === 'not-found') expect(first?.freed).toEqual([other]);
    else expect(first?.freed).toEqual([]);
    const last = await store.sessions.delete(WORKSPACE, session.id);
    expect([...(first?.freed ?? []), ...(last?.freed ?? [])].sort()).toEqual([home, other].sort());
  }
});
