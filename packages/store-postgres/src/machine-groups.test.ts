import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { someSession, WORKSPACE } from '../test/records.ts';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});

afterAll(() => store.close());

const take = (machineId: string, awaitedForMs = 60_000, workspaceId = WORKSPACE) =>
  store.sessions.takeMachineGroup({ id: uuidv7(), workspaceId, machineId }, { awaitedForMs });

describe('the group of a machine', () => {
  test('is made once, however many ask, and read back as one', async () => {
    const machineId = uuidv7();
    const taken = await Promise.all(Array.from({ length: 8 }, () => take(machineId)));
    const [group] = taken;
    expect(new Set(taken.map(({ id }) => id)).size).toBe(1);
    expect(group).toMatchObject({ backend: 'selfhosted', machineId, workspaceId: WORKSPACE });
    expect(await store.sessions.getGroup(WORKSPACE, group!.id)).toEqual(group);
  });

  test('is another one in another workspace', async () => {
    const machineId = uuidv7();
    expect((await take(machineId)).id).not.toBe((await take(machineId, 60_000, 'other')).id);
  });

  test('takes sessions while it is awaited or used, and is followed by another when its last one has left', async () => {
    const machineId = uuidv7();
    const { id } = await take(machineId, 0);
    const refused = store.sessions.create(someSession(id));
    await expect(refused).rejects.toMatchObject({ code: 'not-found' });

    const { id: home } = await take(machineId);
    expect(home).not.toBe(id);
    const session = someSession(home);
    await store.sessions.create(session);
    expect((await take(machineId, 0)).id).toBe(home);
    expect(await store.sessions.delete(WORKSPACE, session.id)).toEqual({ freed: [home] });
    await store.sessions.deleteGroup(home);
    expect((await take(machineId)).id).not.toBe(home);
  });
});
