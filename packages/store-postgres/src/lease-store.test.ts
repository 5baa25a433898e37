import { type Holder, isKeeper, type Lease, leaseDueAtMs } from '@boxyard/sandbox-core';
import { eventually } from '@tooling/eventually';
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

const BOX = { provider: 'local', instance: 'box-1', resume: { folder: 'a', odd: '\0' } };

const newGroup = () => ({ groupId: uuidv7(), workspaceId: 'workspace' });

const holder = (overrides: Partial<Holder> = {}) => ({
  kind: 'turn' as const,
  id: uuidv7(),
  attempt: uuidv7(),
  subject: 'somebody',
  ...overrides,
});

/** Stores what `change` makes of the present lease. */
async function put(group: { groupId: string; workspaceId: string }, change: Partial<Lease>) {
  return store.leases.change(group, (lease, nowMs) => ({ lease: { ...lease, ...change }, result: nowMs }));
}

const warm = { state: 'warm', epoch: 1, box: BOX } as const;

describe('change', () => {
  test('hands in the cold lease of a new group, and stores every member of what comes back', async () => {
    const group = newGroup();
    const full: Omit<Lease, 'groupId' | 'workspaceId'> = {
      state: 'replacing',
      epoch: 4,
      box: BOX,
      parks: true,
      workspaceReady: true,
      superseded: [{ ...BOX, instance: 'box-0' }],
      holders: [{ ...holder(), expiresAtMs: 5, inputUntilMs: null, dirty: true }],
      deadlineMs: 1_700_000_000_001,
      claim: 'reaper',
      stopping: 'idle',
      revision: 9,
      revisedAtMs: 8,
      capturedRevision: 7,
      captureDueAtMs: 6,
      boxSinceMs: 5,
      upSinceMs: 6,
      lifetimeMs: 700,
      idleGraceMs: 4,
      drainFailures: 3,
      failure: { epoch: 2, code: 'gone', message: 'NUL \0' },
      reason: 'because',
      deletedAtMs: 1,
    };
    const seen = await store.leases.change(group, (lease) => ({
      lease: { ...lease, ...full },
      result: lease,
    }));
    expect(seen).toMatchObject({ ...group, state: 'cold', epoch: 0, box: null, holders: [] });
    expect(await store.leases.read(group.groupId)).toEqual({ ...group, ...full });
    expect(await store.leases.list([group.groupId, 'nowhere'])).toEqual([{ ...group, ...full }]);
  });

  test('decides one after the other, each with what the last one stored', async () => {
    const group = newGroup();
    const seen = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 === 0 ? store : other).leases.change(group, (lease) => ({
          lease: { ...lease, epoch: lease.epoch + 1 },
          result: lease.epoch,
        })),
      ),
    );
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect((await store.leases.read(group.groupId))?.epoch).toBe(20);
  });

  test('stores nothing when it decides nothing, or throws', async () => {
    const group = newGroup();
    await put(group, { revision: 1 });
    expect(await store.leases.change(group, () => ({ result: 'same' }))).toBe('same');
    await expect(
      store.leases.change(group, () => {
        throw new TypeError('no decision');
      }),
    ).rejects.toThrow('no decision');
    expect(await store.leases.read(group.groupId)).toMatchObject({ revision: 1 });
  });

  test('of a group that has none is not decided by changeExisting', async () => {
    const { groupId } = newGroup();
    expect(await store.leases.changeExisting(groupId, () => ({ result: 'decided' }))).toBeNull();
    expect(await store.leases.read(groupId)).toBeNull();
  });

  test('given up before it began stores nothing; given up while it is stored, nobody knows', async () => {
    const group = newGroup();
    await put(group, { revision: 1 });
    const signal = AbortSignal.abort();
    await expect(
      store.leases.change(group, (lease) => ({ lease: { ...lease, revision: 9 }, result: 0 }), { signal }),
    ).rejects.toMatchObject({ code: 'cancelled', started: 'no' });
    await store.sql.begin(async (sql) => {
      await sql`SELECT FROM leases WHERE group_id = ${group.groupId} FOR UPDATE`;
      const abort = new AbortController();
      const changing = other.leases.change(
        group,
        (lease) => {
          setTimeout(() => abort.abort(), 50);
          return { lease: { ...lease, revision: 2 }, result: 0 };
        },
        { signal: abort.signal },
      );
      await expect(changing).rejects.toMatchObject({ code: 'cancelled', started: 'unknown' });
    });
    // What was sent is stored once the row is free.
    await eventually('it is stored', async () => (await store.leases.read(group.groupId))?.revision === 2);
  });

  test('goes by the clock of the store', async () => {
    const group = newGroup();
    const before = await put(group, {});
    await store.setClockOffset(3_600_000);
    const after = await put(group, {});
    await store.setClockOffset(0);
    expect(after - before).toBeGreaterThanOrEqual(3_600_000);
    expect(after - before).toBeLessThan(3_600_000 + 60_000);
  });
});

describe('join', () => {
  test('adds a holder to a warm lease in one statement', async () => {
    const group = newGroup();
    const nowMs = await put(group, warm);
    const joining = holder();
    const statements: string[] = [];
    const stop = store.onStatement((statement) => statements.push(statement));
    const joined = await store.leases.join(group.groupId, { ...joining, ttlMs: 2_000_000 });
    stop();
    expect(joined).toEqual({ epoch: 1, box: BOX });
    expect(statements).toHaveLength(1);
    const lease = await store.leases.read(group.groupId);
    expect(lease?.holders).toEqual([
      { ...joining, expiresAtMs: expect.any(Number), inputUntilMs: null, dirty: false },
    ]);
    expect(lease!.holders[0]!.expiresAtMs - nowMs).toBeGreaterThanOrEqual(2_000_000);
    await store.setClockOffset(3_000_000);
    expect(await store.leases.due(100)).toContain(group.groupId);
    await store.setClockOffset(0);
    expect(await store.leases.due(100)).not.toContain(group.groupId);
  });

  test('is not applied where change has to decide', async () => {
    const joining = { ...holder(), ttlMs: 20_000 };
    const join = (groupId: string, expectedEpoch?: number) =>
      store.leases.join(groupId, joining, { expectedEpoch });
    expect(await join('nowhere')).toBeNull();
    for (const change of [
      { ...warm, state: 'draining' },
      { ...warm, state: 'cold' },
      { ...warm, deletedAtMs: 1 },
      {
        ...warm,
        holders: [{ ...holder({ id: joining.id }), expiresAtMs: 1, inputUntilMs: null, dirty: false }],
      },
    ] satisfies Partial<Lease>[]) {
      const group = newGroup();
      await put(group, change);
      const before = await store.leases.read(group.groupId);
      expect(await join(group.groupId)).toBeNull();
      expect(await store.leases.read(group.groupId)).toEqual(before);
    }
    const group = newGroup();
    await put(group, warm);
    expect(await join(group.groupId, 2)).toBeNull();
    expect(await join(group.groupId, 1)).not.toBeNull();
  });

  test('at once by many adds them all', async () => {
    const group = newGroup();
    await put(group, warm);
    const joining = Array.from({ length: 20 }, () => holder());
    await Promise.all(
      joining.map((one, n) =>
        (n % 2 === 0 ? store : other).leases.join(group.groupId, { ...one, ttlMs: 20_000 }),
      ),
    );
    const lease = await store.leases.read(group.groupId);
    expect(lease?.holders.map(({ id }) => id).sort()).toEqual(joining.map(({ id }) => id).sort());
    const left = await Promise.all(
      joining.map((one) => store.leases.leave(group.groupId, one, { idleGraceMs: 1_000 })),
    );
    expect(left.filter((applied) => !applied)).toEqual([]);
    expect(await store.leases.read(group.groupId)).toMatchObject({ state: 'draining', holders: [] });
  });
});

describe('leave', () => {
  const FUTURE = 4_000_000_000_000;
  const stored = (kind: Holder['kind'], overrides: Partial<Holder> = {}): Holder => ({
    ...holder(),
    kind,
    expiresAtMs: FUTURE,
    inputUntilMs: null,
    dirty: false,
    ...overrides,
  });

  test('drains the lease exactly when no other holder keeps it, as core judges', async () => {
    const others: Holder[][] = [
      [],
      [stored('turn')],
      [stored('turn', { expiresAtMs: 1 })],
      [stored('viewer')],
      [stored('viewer', { inputUntilMs: FUTURE })],
      [stored('viewer', { inputUntilMs: 1 })],
      [stored('viewer', { inputUntilMs: FUTURE, expiresAtMs: 1 })],
      [stored('viewer'), stored('process')],
    ];
    for (const rest of others) {
      const group = newGroup();
      const leaving = stored('request');
      const nowMs = await put(group, {
        ...warm,
        holders: [leaving, ...rest],
        idleGraceMs: 5_000,
        reason: 'was',
      });
      expect(await store.leases.leave(group.groupId, leaving, { idleGraceMs: 99_000 })).toBe(true);
      const lease = (await store.leases.read(group.groupId))!;
      expect(lease.holders).toEqual(rest);
      if (rest.some((one) => isKeeper(one, nowMs))) {
        expect(lease).toMatchObject({ state: 'warm', deadlineMs: null, reason: 'was' });
      } else {
        expect(lease).toMatchObject({ state: 'draining', epoch: 1, reason: 'request let go' });
        expect(lease.deadlineMs! - nowMs).toBeGreaterThanOrEqual(5_000);
        expect(lease.deadlineMs! - nowMs).toBeLessThan(99_000);
      }
      const [row] = await store.sql<{ due_at_ms: number | null }[]>`
        SELECT due_at_ms FROM leases WHERE group_id = ${group.groupId}
      `;
      // May be early, never late.
      expect(row!.due_at_ms ?? FUTURE + 1).toBeLessThanOrEqual(leaseDueAtMs(lease) ?? FUTURE + 1);
    }
  });

  test('keeps an earlier deadline, and takes the given grace when the lease has none', async () => {
    for (const [deadlineMs, expected] of [
      [5, 5],
      [null, FUTURE],
    ] as const) {
      const group = newGroup();
      const leaving = stored('turn');
      const nowMs = await put(group, { ...warm, holders: [leaving], deadlineMs });
      await store.leases.leave(group.groupId, leaving, { idleGraceMs: FUTURE - nowMs });
      expect((await store.leases.read(group.groupId))!.deadlineMs).toBeGreaterThanOrEqual(expected);
      expect((await store.leases.read(group.groupId))!.deadlineMs).toBeLessThan(expected + 60_000);
    }
  });

  test('is not applied where change has to decide', async () => {
    const leaving = stored('turn');
    for (const change of [
      { ...warm, holders: [{ ...leaving, dirty: true }] },
      { ...warm, holders: [{ ...leaving, attempt: 'a later one' }] },
      { ...warm, holders: [] },
      { ...warm, state: 'replacing', holders: [leaving] },
    ] satisfies Partial<Lease>[]) {
      const group = newGroup();
      await put(group, change);
      const before = await store.leases.read(group.groupId);
      expect(await store.leases.leave(group.groupId, leaving, { idleGraceMs: 1 })).toBe(false);
      expect(await store.leases.read(group.groupId)).toEqual(before);
    }
  });
});

describe('due', () => {
  test('names what has come, the longest due first, and so many', async () => {
    await store.sql`DELETE FROM leases`;
    const groups = [newGroup(), newGroup(), newGroup()];
    await put(groups[0]!, { ...warm, deadlineMs: 300 });
    await put(groups[1]!, { ...warm, deadlineMs: 100 });
    await put(groups[2]!, { ...warm, deadlineMs: 4_000_000_000_000 });
    await put(newGroup(), warm);
    expect(await store.leases.due(10)).toEqual([groups[1]!.groupId, groups[0]!.groupId]);
    expect(await store.leases.due(1)).toEqual([groups[1]!.groupId]);
  });
});

describe('waitForChange', () => {
  test('ends when another process changes state, epoch or deletion, and not for less', async () => {
    const group = newGroup();
    for (const change of [
      { state: 'warming' },
      { epoch: 7 },
      { deletedAtMs: 5 },
    ] satisfies Partial<Lease>[]) {
      await put(group, { state: 'cold', epoch: 1, deletedAtMs: null });
      let over = false;
      const waiting = store.leases
        .waitForChange(group.groupId, { state: 'cold', epoch: 1 }, { deadlineMs: 30_000 })
        .then(() => {
          over = true;
        });
      await other.leases.change(group, (lease) => ({ lease: { ...lease, revision: 5 }, result: 0 }));
      expect(over).toBe(false);
      await other.leases.change(group, (lease) => ({ lease: { ...lease, ...change }, result: 0 }));
      await waiting;
    }
  });

  test('ends at once when it has changed already or is not there', async () => {
    const group = newGroup();
    await put(group, warm);
    await store.leases.waitForChange(group.groupId, { state: 'cold', epoch: 0 });
    await store.leases.waitForChange('nowhere', { state: 'cold', epoch: 0 });
  });

  test('ends by draining, and by its deadline or signal', async () => {
    const group = newGroup();
    const leaving = { ...holder(), expiresAtMs: 4_000_000_000_000, inputUntilMs: null, dirty: false };
    await put(group, { ...warm, holders: [leaving] });
    const seen = { state: 'warm', epoch: 1 } as const;
    await expect(store.leases.waitForChange(group.groupId, seen, { deadlineMs: 20 })).rejects.toMatchObject({
      code: 'timeout',
    });
    const abort = new AbortController();
    const cancelled = store.leases.waitForChange(group.groupId, seen, { signal: abort.signal });
    abort.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    const drained = other.leases.waitForChange(group.groupId, seen, { deadlineMs: 30_000 });
    await store.leases.leave(group.groupId, leaving, { idleGraceMs: 1_000 });
    await drained;
  });
});

test('a database that does not answer is unreachable, never empty', async () => {
  const gone = await openStore({ connection: store.connection });
  await gone.close();
  await expect(gone.leases.read('any')).rejects.toMatchObject({ code: 'unreachable' });
  await expect(gone.leases.due(1)).rejects.toMatchObject({ code: 'unreachable' });
  await expect(gone.leases.change(newGroup(), () => ({ result: 0 }))).rejects.toMatchObject({
    code: 'unreachable',
  });
});
