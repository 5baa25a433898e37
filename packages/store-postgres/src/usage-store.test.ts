import type { BoxRef, Lease } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;
let offsetMs = 0;

beforeEach(async () => {
  store = await openTestStore();
  offsetMs = 0;
});
afterEach(() => store.close());

const BOX: BoxRef = { provider: 'cloud', instance: 'box', resume: {} };
const DAY_MS = 86_400_000;
const ALWAYS = { fromMs: 0, toMs: 4_000_000_000_000 };
/** What the statements themselves take between two looks at the clock, on a slow machine. */
const SLACK_MS = 30_000;

async function advance(ms: number) {
  offsetMs += ms;
  await store.setClockOffset(offsetMs);
}

const group = (workspaceId: string = uuidv7()) => ({ groupId: uuidv7(), workspaceId });
type Group = ReturnType<typeof group>;

const change = (own: Group, lease: Partial<Lease>) =>
  store.leases.change(own, (before) => ({ lease: { ...before, ...lease }, result: null }));
const up = (own: Group, epoch: number) => change(own, { state: 'warm', epoch, box: BOX });
const down = (own: Group) => change(own, { state: 'cold', box: null });

function expectAbout(actualMs: number, expectedMs: number) {
  expect(actualMs).toBeGreaterThanOrEqual(expectedMs);
  expect(actualMs).toBeLessThan(expectedMs + SLACK_MS);
}

test('a box counts from when it is there until it is not, once for each epoch', async () => {
  const own = group();
  await change(own, { state: 'warming', epoch: 1 });
  await advance(DAY_MS);
  await change(own, { state: 'warming', epoch: 1, box: BOX });
  await advance(DAY_MS);
  await up(own, 1);
  await change(own, { state: 'draining' });
  await advance(DAY_MS);
  await change(own, { state: 'terminating' });
  expectAbout(await store.usage.warmMs(own.workspaceId, ALWAYS), 2 * DAY_MS);
  await down(own);
  await advance(5 * DAY_MS);
  expectAbout(await store.usage.warmMs(own.workspaceId, ALWAYS), 2 * DAY_MS);

  await up(own, 2);
  await advance(DAY_MS);
  // Replaced without a moment between: another epoch, another interval.
  await up(own, 3);
  await advance(DAY_MS);
  expectAbout(await store.usage.warmMs(own.workspaceId, ALWAYS), 4 * DAY_MS);
  const intervals = await store.usage.intervals(own.groupId, ALWAYS, { limit: 10 });
  expect(intervals.map(({ epoch, endedAtMs }) => [epoch, endedAtMs === null])).toEqual([
    [3, true],
    [2, false],
    [1, false],
  ]);
  expect(intervals[1]?.endedAtMs).toBe(intervals[0]?.startedAtMs);
  expect(await store.usage.intervals(own.groupId, ALWAYS, { limit: 1 })).toHaveLength(1);
});

test('a parked box costs nothing, and neither does a change that is not stored', async () => {
  const own = group();
  await change(own, { state: 'cold', box: BOX, parks: true });
  await advance(DAY_MS);
  await expect(
    store.leases.changeExisting(own.groupId, () => {
      throw new Error('undecided');
    }),
  ).rejects.toThrow('undecided');
  expect(await store.usage.warmMs(own.workspaceId, ALWAYS)).toBe(0);
  expect(await store.usage.intervals(own.groupId, ALWAYS, { limit: 10 })).toEqual([]);
});

test('many writers at once count a box once', async () => {
  const own = group();
  await Promise.all(Array.from({ length: 8 }, () => up(own, 1)));
  await Promise.all(Array.from({ length: 8 }, () => down(own)));
  expect(await store.usage.intervals(own.groupId, ALWAYS, { limit: 10 })).toHaveLength(1);
});

test('only what lies in the window counts, and only of the workspace or the group', async () => {
  const [own, other] = [group(), group()];
  const sibling = group(own.workspaceId);
  for (const one of [own, other, sibling]) await up(one, 1);
  await advance(DAY_MS);
  for (const one of [own, other, sibling]) await down(one);
  const [{ startedAtMs = 0 } = {}] = await store.usage.intervals(own.groupId, ALWAYS, { limit: 1 });
  const window = { fromMs: startedAtMs + 1_000, toMs: startedAtMs + 4_000 };
  expect(await store.usage.warmMs(own.workspaceId, window, { groupId: own.groupId })).toBe(3_000);
  expectAbout(await store.usage.warmMs(own.workspaceId, ALWAYS), 2 * DAY_MS);
  expectAbout(await store.usage.warmMs(own.workspaceId, ALWAYS, { groupId: sibling.groupId }), DAY_MS);
  expect(await store.usage.warmMs(own.workspaceId, { fromMs: 0, toMs: startedAtMs })).toBe(0);
});

test('a budget is for this month, names it, and is used up by what is still up', async () => {
  const own = group();
  const { usage } = store;
  expect(await usage.budget(own.workspaceId)).toMatchObject({ limitSeconds: null, usedMs: 0 });
  await up(own, 1);
  await usage.setBudget(own.workspaceId, 3_600);
  expect(await usage.overBudget(10)).toEqual([]);
  const { month } = await usage.budget(own.workspaceId);
  expect(new Date(month.fromMs).toISOString()).toMatch(/-01T00:00:00\.000Z$/);
  expect(new Date(month.toMs).toISOString()).toMatch(/-01T00:00:00\.000Z$/);
  // Into the next month: what was used before does not count there.
  await advance(month.toMs - Date.now() + 60_000);
  expectAbout((await usage.budget(own.workspaceId)).usedMs, 60_000);
  expect(await usage.overBudget(10)).toEqual([]);
  await advance(3_600_000);
  expect(await usage.overBudget(10)).toEqual([own]);
  expect(await usage.usedUp(own.workspaceId)).toMatchObject({ limitSeconds: 3_600 });
  await usage.setBudget(own.workspaceId, 10_000);
  expect(await usage.usedUp(own.workspaceId)).toBeNull();
  await usage.setBudget(own.workspaceId, null);
  expect(await usage.usedUp(own.workspaceId)).toBeNull();
  expect(await usage.overBudget(10)).toEqual([]);
  await usage.setBudget(own.workspaceId, 0);
  expect(await usage.overBudget(10)).toEqual([own]);
  await down(own);
  expect(await usage.overBudget(10)).toEqual([]);
});

test('servers on one database have one deployment id, the one that came first', async () => {
  const proposed = Array.from({ length: 8 }, () => uuidv7());
  const ids = new Set(await Promise.all(proposed.map((id) => store.deploymentId(id))));
  expect(ids.size).toBe(1);
  expect(proposed).toContain([...ids][0]);
  expect(await store.deploymentId('another')).toBe([...ids][0]);
});

test('what ended long ago is removed in batches; what is up, younger or of this month stays', async () => {
  const own = group();
  for (const epoch of [1, 2, 3]) {
    await up(own, epoch);
    await advance(DAY_MS);
    await down(own);
  }
  await advance(100 * DAY_MS);
  await up(own, 4);
  await advance(DAY_MS);
  await down(own);
  await up(own, 5);
  const [{ nowMs }] = await store.sql<[{ nowMs: number }]>`SELECT store_now_ms()::float8 AS "nowMs"`;
  const epochs = async () =>
    (await store.usage.intervals(own.groupId, ALWAYS, { limit: 10 })).map(({ epoch }) => epoch);
  const ago = (ms: number) => new Date(nowMs - ms);
  expect(await store.usage.trim(ago(200 * DAY_MS), 10)).toBe(0);
  expect(await store.usage.trim(ago(50 * DAY_MS), 2)).toBe(2);
  expect(await epochs()).toEqual([5, 4, 3]);
  expect(await store.usage.trim(ago(50 * DAY_MS), 2)).toBe(1);
  // A date in the future does not reach into the month that budgets are judged by.
  await advance(40 * DAY_MS);
  await down(own);
  await up(own, 6);
  await down(own);
  await store.usage.trim(new Date(nowMs + 1_000 * DAY_MS), 10);
  expect(await epochs()).toEqual([6, 5]);
});
