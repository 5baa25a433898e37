import { coldLease, type Lease } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { someOp, storeGroup } from '../test/records.ts';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

const workspaceId = uuidv7();

async function storeLease(changed: Partial<Lease>, workspace = workspaceId): Promise<void> {
  const groupId = uuidv7();
  const group = { groupId, workspaceId: workspace };
  await store.leases.change(group, () => ({
    lease: { ...coldLease(groupId, workspace), ...changed },
    result: null,
  }));
}

const box = (provider: string) => ({
  provider,
  instance: uuidv7(),
  resume: { odd: '\0\0', text: '\\u0000' },
});

test('an empty record is told as nothing at all', async () => {
  expect(await store.census({ leftOutWorkspaces: [] })).toEqual({
    boxes: [],
    uncapturedAgeMs: 0,
    condemned: 0,
    opsRunning: 0,
  });
});

test('boxes are counted by provider and state, those of left out workspaces and groups without one are not', async () => {
  const hidden = { id: uuidv7(), slug: 'hidden', createdAt: new Date() };
  await store.workspaces.create(hidden);
  const warm = { state: 'warm', epoch: 1, box: box('local') } as const;
  await storeLease(warm);
  await storeLease({ ...warm, box: box('local') });
  await storeLease({ state: 'cold', epoch: 1, box: box('local'), parks: true });
  await storeLease({ state: 'warming', epoch: 1 });
  await storeLease({ state: 'cold' });
  await storeLease({ ...warm, box: box('local'), deletedAtMs: 1 });
  await storeLease({ ...warm, box: box('local') }, hidden.id);
  await store.leases.condemn([{ ref: box('local'), groupId: uuidv7(), epoch: 1, reason: 'test' }]);
  const { sessions } = await storeGroup(store);
  await store.ops.start(someOp(sessions[0]!), []);

  const census = await store.census({ leftOutWorkspaces: ['hidden', 'absent'] });
  const counts = Object.fromEntries(
    census.boxes.map(({ provider, state, count }) => [`${provider} ${state}`, count]),
  );
  expect(counts).toEqual({ 'local warm': 2, 'local cold': 1, 'none warming': 1 });
  expect(census).toMatchObject({ condemned: 1, opsRunning: 1, uncapturedAgeMs: 0 });
});

test('the oldest change that no archive holds has its age', async () => {
  const now = Date.now();
  const dirty = { state: 'warm', epoch: 1, revision: 2, capturedRevision: 1 } as const;
  await storeLease({ ...dirty, box: box('local'), revisedAtMs: now - 5_000 });
  await storeLease({ ...dirty, box: box('local'), revisedAtMs: now - 90_000 });
  await storeLease({ ...dirty, box: box('local'), capturedRevision: 2, revisedAtMs: now - 900_000 });
  const { uncapturedAgeMs } = await store.census({ leftOutWorkspaces: [] });
  expect(uncapturedAgeMs).toBeGreaterThanOrEqual(90_000);
  expect(uncapturedAgeMs).toBeLessThan(800_000);
});
