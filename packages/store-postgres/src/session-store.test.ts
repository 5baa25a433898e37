import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { someGroup, someOp, someSession, storeGroup, WORKSPACE } from '../test/records.ts';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});

afterAll(() => store.close());

describe('sessions', () => {
  test('are read back as they were stored, with their group', async () => {
    const group = someGroup({
      backend: 'docker',
      image: 'debian:13',
      environmentNames: ['TOKEN', 'a"b'],
      sealedEnvironment: 'sealed',
      source: { url: 'https://example.org/repo.git', ref: 'main' },
      sealedSourceToken: 'sealed too',
      resources: { cpu: 1.5, memoryMb: 512 },
      idleTimeoutMs: 60_000,
      maxLifetimeMs: 7_200_000,
    });
    const session = someSession(group.id, { name: 'Ünïcode', metadata: { team: 'a', "it's": '\\"' } });
    await store.sessions.create(session, group);
    expect(await store.sessions.get(WORKSPACE, session.id)).toEqual({
      session,
      group,
      pointer: { activeSandboxId: null, activeEpoch: 0 },
    });
    expect(await store.sessions.getGroup(WORKSPACE, group.id)).toEqual(group);
    expect(await store.events.revision(group.id)).toBe(0);
  });

  test('of another workspace are not there', async () => {
    const { group, sessions } = await storeGroup(store);
    expect(await store.sessions.get('other', sessions[0]!.id)).toBeNull();
    expect(await store.sessions.getGroup('other', group.id)).toBeNull();
    expect(await store.sessions.delete('other', sessions[0]!.id)).toBeNull();
    await expect(
      store.sessions.create(someSession(group.id, { workspaceId: 'other' })),
    ).rejects.toMatchObject({ code: 'not-found' });
  });

  test('cannot join a group that is not there, and leave nothing behind when they fail', async () => {
    await expect(store.sessions.create(someSession('nowhere'))).rejects.toMatchObject({
      code: 'not-found',
      started: 'no',
    });
    const { sessions } = await storeGroup(store);
    const group = someGroup();
    await expect(
      store.sessions.create(someSession(group.id, { id: sessions[0]!.id }), group),
    ).rejects.toMatchObject({ code: 'conflict' });
    expect(await store.sessions.getGroup(WORKSPACE, group.id)).toBeNull();
  });

  test('are listed newest first, page by page, and by metadata', async () => {
    const workspaceId = 'listed';
    const ids: string[] = [];
    for (const team of ['a', 'b', 'a']) {
      const group = someGroup({ workspaceId });
      const session = someSession(group.id, { workspaceId, metadata: { team, kind: 'test' } });
      await store.sessions.create(session, group);
      ids.unshift(session.id);
    }
    const idsOf = async (query: Parameters<typeof store.sessions.list>[1]) =>
      (await store.sessions.list(workspaceId, query)).map(({ session }) => session.id);
    expect(await idsOf({ limit: 10 })).toEqual(ids);
    expect(await idsOf({ limit: 2 })).toEqual(ids.slice(0, 2));
    expect(await idsOf({ limit: 2, after: ids[1] })).toEqual(ids.slice(2));
    expect(await idsOf({ limit: 10, metadata: { team: 'a', kind: 'test' } })).toEqual([ids[0], ids[2]]);
    expect(await idsOf({ limit: 10, metadata: { team: 'c' } })).toEqual([]);
  });

  test('go with their events and ops, and free their group with the last of them', async () => {
    const { group, sessions } = await storeGroup(store, 2);
    const [first, second] = sessions;
    await store.events.append({ groupId: group.id }, [{ type: 'x', data: {} }], {
      leaseEpoch: 1,
      mutates: true,
    });
    await store.ops.start(someOp(first!), []);
    expect(await store.sessions.delete(WORKSPACE, first!.id)).toEqual({ freed: [] });
    expect(await store.sessions.get(WORKSPACE, first!.id)).toBeNull();
    expect(await store.events.read(first!.id, { after: 0, limit: 10 })).toEqual([]);
    expect(await store.ops.list(first!.id)).toEqual([]);
    expect(await store.sessions.sessionsOf(group.id)).toEqual([second!.id]);
    expect(await store.events.read(second!.id, { after: 0, limit: 10 })).toHaveLength(1);
    expect(await store.sessions.delete(WORKSPACE, first!.id)).toBeNull();
  });

  test('deleted at once are counted one after the other: exactly one was the last', async () => {
    const { sessions } = await storeGroup(store, 8);
    const answers = await Promise.all(sessions.map(({ id }) => store.sessions.delete(WORKSPACE, id)));
    expect(answers.flatMap((answer) => answer?.freed)).toEqual([sessions[0]!.groupId]);
  });
});

describe('groups', () => {
  test('without a session are found, take no new one, and can be removed', async () => {
    const { group, sessions } = await storeGroup(store);
    await expect(store.sessions.deleteGroup(group.id)).rejects.toMatchObject({ code: 'conflict' });
    await store.sessions.delete(WORKSPACE, sessions[0]!.id);
    await expect(store.sessions.create(someSession(group.id))).rejects.toMatchObject({ code: 'not-found' });
    const abandoned = await store.sessions.abandonedGroups(100);
    expect(abandoned.map(({ id }) => id)).toContain(group.id);
    await store.sessions.deleteGroup(group.id);
    await store.sessions.deleteGroup(group.id);
    expect(await store.sessions.getGroup(WORKSPACE, group.id)).toBeNull();
  });

  test('remember their last restore, and when their source was cloned first', async () => {
    const { group } = await storeGroup(store);
    const receipt = { kind: 'EXACT' } as const;
    await store.sessions.recordRestore(group.id, receipt);
    await store.sessions.setSourceToken(group.id, 'sealed anew');
    await store.sessions.markSourceCloned(group.id);
    const once = await store.sessions.getGroup(WORKSPACE, group.id);
    await store.sessions.markSourceCloned(group.id);
    expect(once).toMatchObject({ restored: receipt, sourceClonedAt: expect.any(Date) });
    expect(await store.sessions.getGroup(WORKSPACE, group.id)).toEqual(once);
  });
});
