import type { Artifact, Lease } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;

beforeAll(async () => {
  store = await openTestStore();
});

afterAll(() => store.close());

const STORED = { sizeBytes: 5_000_000_000, sha256: 'ab'.repeat(32) };

async function newGroup(epoch = 1): Promise<string> {
  const groupId = uuidv7();
  await setLease(groupId, { epoch });
  return groupId;
}

async function setLease(groupId: string, change: Partial<Lease>) {
  await store.leases.change({ groupId, workspaceId: 'workspace' }, (lease) => ({
    lease: { ...lease, ...change },
    result: null,
  }));
}

function begin(groupId: string, candidateTtlMs = 1_000_000): Promise<Artifact> {
  const key = uuidv7();
  return store.artifacts.begin(
    {
      groupId,
      workspaceId: 'workspace',
      epoch: 1,
      revision: 7,
      archiveKey: `${key}.tar`,
      manifestKey: `${key}.json`,
    },
    { candidateTtlMs },
  );
}

const commit = ({ id }: Artifact) => store.artifacts.commit(id, STORED);
const take = () => store.artifacts.takeDeletable(100, { retryAfterMs: 1_000_000 });
const idsOf = (artifacts: readonly Artifact[]) => artifacts.map(({ id }) => id);

test('a candidate becomes current, and knows what was stored', async () => {
  const groupId = await newGroup();
  const begun = await begin(groupId);
  expect(begun).toMatchObject({ groupId, epoch: 1, revision: 7, state: 'candidate', sizeBytes: null });
  expect(await store.artifacts.restorable(groupId)).toEqual([]);
  expect(await commit(begun)).toBe('committed');
  expect(await store.artifacts.restorable(groupId)).toEqual([{ ...begun, ...STORED, state: 'current' }]);
  await expect(store.artifacts.begin({ ...begun }, { candidateTtlMs: 1 })).rejects.toMatchObject({
    code: 'conflict',
  });
});

test('captures are ranked by when they started, however they end, and two are kept', async () => {
  for (const order of [
    [0, 1, 2, 3],
    [3, 2, 1, 0],
    [2, 0, 3, 1],
  ]) {
    const groupId = await newGroup();
    const begun: Artifact[] = [];
    for (const _ of order) begun.push(await begin(groupId));
    for (const place of order) expect(await commit(begun[place]!)).toBe('committed');
    const kept = await store.artifacts.restorable(groupId);
    expect(kept.map(({ id, state }) => [id, state])).toEqual([
      [begun[3]!.id, 'current'],
      [begun[2]!.id, 'previous'],
    ]);
    expect(idsOf(await take()).sort()).toEqual([begun[0]!.id, begun[1]!.id].sort());
    // A second commit answers the same, also for one that has to go by now.
    expect(await commit(begun[0]!)).toBe('committed');
    expect(await store.artifacts.restorable(groupId)).toEqual(kept);
  }
});

test('captures that end at once are ranked all the same', async () => {
  const groupId = await newGroup();
  const begun = await Promise.all(Array.from({ length: 8 }, () => begin(groupId)));
  const outcomes = await Promise.all(begun.map(commit));
  expect(outcomes).toEqual(begun.map(() => 'committed'));
  const newest = [...begun].sort((a, b) => b.sequence - a.sequence);
  expect(idsOf(await store.artifacts.restorable(groupId))).toEqual(idsOf(newest.slice(0, 2)));
  expect(idsOf(await take()).sort()).toEqual(idsOf(newest.slice(2)).sort());
});

test('what another epoch, a deleted group or nobody made is refused and has to go', async () => {
  const stale = await newGroup();
  const first = await begin(stale);
  const late = await begin(stale);
  await commit(first);
  await setLease(stale, { epoch: 2 });
  expect(await commit(late)).toBe('refused');
  expect(await commit(late)).toBe('refused');
  expect(idsOf(await store.artifacts.restorable(stale))).toEqual([first.id]);

  const deleted = await newGroup();
  const orphan = await begin(deleted);
  await setLease(deleted, { deletedAtMs: 1 });
  expect(await commit(orphan)).toBe('refused');
  expect(await store.artifacts.commit('nobody', STORED)).toBe('refused');
  expect(idsOf(await take()).sort()).toEqual([late.id, orphan.id].sort());
});

test('a capture that failed or went silent has to go and can no longer be committed', async () => {
  const groupId = await newGroup();
  const failed = await begin(groupId);
  const silent = await begin(groupId, 1_000_000);
  await store.artifacts.abandon(failed.id);
  expect(idsOf(await take())).toEqual([failed.id]);
  await store.setClockOffset(1_500_000);
  expect(idsOf(await store.artifacts.takeSilent(100, { retryAfterMs: 1 }))).toEqual([silent.id]);
  await store.artifacts.abandon(silent.id);
  expect(idsOf(await take())).toEqual(expect.arrayContaining([failed.id, silent.id]));
  await store.setClockOffset(0);
  expect(await commit(failed)).toBe('refused');
  expect(await commit(silent)).toBe('refused');
  expect(await store.artifacts.restorable(groupId)).toEqual([]);
  for (const { id } of [failed, silent]) await store.artifacts.removeDeleted(id);
});

test('what is committed is never abandoned or removed; discarding a group lets all of it go', async () => {
  const groupId = await newGroup();
  const kept = await begin(groupId);
  await commit(kept);
  await store.artifacts.abandon(kept.id);
  await store.artifacts.removeDeleted(kept.id);
  expect(idsOf(await store.artifacts.restorable(groupId))).toEqual([kept.id]);
  expect(idsOf(await take())).not.toContain(kept.id);
  await store.artifacts.discard(groupId);
  await store.artifacts.discard(groupId);
  expect(await store.artifacts.restorable(groupId)).toEqual([]);
  expect(idsOf(await take())).toContain(kept.id);
  // Taken by one: a second taker waits for its time.
  expect(idsOf(await take())).not.toContain(kept.id);
  await store.artifacts.removeDeleted(kept.id);
  await store.setClockOffset(9_000_000);
  expect(idsOf(await take())).not.toContain(kept.id);
  await store.setClockOffset(0);
});

test('a key is unknown when its group was here and no artifact has it', async () => {
  const groupId = await newGroup();
  const known = await begin(groupId);
  const blob = (key: string, of = groupId) => ({ key, groupId: of });
  const deleted = await newGroup();
  await setLease(deleted, { deletedAtMs: 1 });
  const asked = [
    blob(known.archiveKey),
    blob(known.manifestKey),
    blob('forgotten.tar'),
    blob('of-deleted.tar', deleted),
    blob('of-others.tar', 'never-here'),
  ];
  expect([...(await store.artifacts.unknown(asked))].sort()).toEqual(['forgotten.tar', 'of-deleted.tar']);
  expect(await store.artifacts.unknown([])).toEqual([]);
});

test('whole bytes of a silent capture are adopted, by the lease of their epoch or by the claim after it', async () => {
  const groupId = await newGroup();
  const old = await begin(groupId);
  const kept = await begin(groupId);
  const late = await begin(groupId);
  await commit(kept);
  expect(idsOf(await store.artifacts.candidates(groupId))).toEqual([late.id]);

  await setLease(groupId, { epoch: 2, state: 'replacing' });
  // A claim that was lost decides nothing.
  expect(await store.artifacts.adopt(late.id, STORED, { claim: 3 })).toBe('refused');
  expect(idsOf(await store.artifacts.candidates(groupId))).toEqual([late.id]);
  expect(await store.artifacts.adopt(late.id, STORED, { claim: 2 })).toBe('committed');
  expect(await commit(late)).toBe('committed');
  expect(idsOf(await store.artifacts.restorable(groupId))).toEqual([late.id, kept.id]);
  expect(await store.artifacts.candidates(groupId)).toEqual([]);

  await setLease(groupId, { epoch: 2, state: 'warm' });
  expect(await store.artifacts.adopt(old.id, STORED, { claim: 2 })).toBe('refused');
});

test.each([
  { former: 0, kept: 1 },
  { former: 2, kept: 3 },
])('with $former former ones $kept are kept', async ({ former, kept }) => {
  const groupId = await newGroup();
  const captures: Artifact[] = [];
  for (let begun = 0; begun < 5; begun += 1) {
    captures.push(await begin(groupId));
    await store.artifacts.commit(captures.at(-1)!.id, STORED, { former });
  }
  const newest = idsOf(captures).reverse();
  const restorable = await store.artifacts.restorable(groupId);
  expect(idsOf(restorable)).toEqual(newest.slice(0, kept));
  expect(restorable.map(({ state }) => state)).toEqual(['current', 'previous', 'previous'].slice(0, kept));
  expect(idsOf(await take())).toEqual(expect.arrayContaining(newest.slice(kept)));
});
