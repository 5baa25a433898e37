import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore, type PostgresStore } from './open-store.ts';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;
let other: PostgresStore;

beforeAll(async () => {
  store = await openTestStore();
  other = await openStore({ connection: store.connection });
});

afterAll(async () => {
  await other.close();
  await store.close();
});

const newGroup = () => ({ groupId: uuidv7(), workspaceId: 'workspace' });

describe('condemned boxes', () => {
  const doomed = (instance: string, groupId: string) => ({
    ref: { provider: 'local', instance, resume: { odd: '\0' } },
    groupId,
    epoch: 2,
    reason: 'drained',
  });

  test('come with the change that condemns them, once', async () => {
    const group = newGroup();
    const box = doomed(uuidv7(), group.groupId);
    await store.leases.change(group, (lease) => ({ lease, condemned: [box], result: 0 }));
    await store.leases.condemn([{ ...box, reason: 'again' }, doomed(uuidv7(), group.groupId)]);
    const listed = await store.leases.listCondemned([group.groupId]);
    expect(listed).toHaveLength(2);
    expect(listed).toContainEqual({ ...box, id: expect.any(String), attempts: 0 });
    await expect(
      store.leases.change(group, () => {
        throw new Error('not condemned');
      }),
    ).rejects.toThrow();
    expect(await store.leases.listCondemned([group.groupId])).toHaveLength(2);
  });

  test('are taken by one, and come back later and later until they are removed', async () => {
    const { groupId } = newGroup();
    const boxes = Array.from({ length: 6 }, () => doomed(uuidv7(), groupId));
    await store.leases.condemn(boxes);
    const options = { retryAfterMs: 1_000_000, maxRetryAfterMs: 3_000_000, groupId };
    const taken = await Promise.all([
      store.leases.takeCondemned(2, options),
      other.leases.takeCondemned(2, options),
      store.leases.takeCondemned(2, options),
    ]);
    // What another taker has locked is passed over, so one round may take less than all.
    const rest = await store.leases.takeCondemned(10, options);
    const all = [...taken.flat(), ...rest];
    expect(new Set(all.map(({ id }) => id)).size).toBe(6);
    expect(all).toHaveLength(6);
    expect(all.every(({ attempts }) => attempts === 1)).toBe(true);
    expect(await store.leases.takeCondemned(10, options)).toEqual([]);
    const waits: number[] = [];
    let offsetMs = 0;
    for (let round = 0; round < 4; round++) {
      const [row] = await store.sql<{ wait: number }[]>`
        SELECT min(due_at_ms) - store_now_ms() AS wait FROM condemned_boxes WHERE group_id = ${groupId}
      `;
      waits.push(Math.ceil(row!.wait / 1_000_000));
      offsetMs += 3_000_000;
      await store.setClockOffset(offsetMs);
      expect(await store.leases.takeCondemned(10, options)).toHaveLength(6);
    }
    await store.setClockOffset(0);
    expect(waits).toEqual([1, 2, 3, 3]);
    for (const { id } of all) await store.leases.removeCondemned(id);
    expect(await store.leases.listCondemned([groupId])).toEqual([]);
  });
});
