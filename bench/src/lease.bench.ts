import {
  DEFAULT_LEASE_SETTINGS,
  type LeaseEvent,
  type LeaseEventType,
  type LeaseStore,
  transitionLease,
} from '@boxyard/sandbox-core';
import { openTestStore } from '@boxyard/store-postgres/testing';
import { inTurns, type Measurement, ms, times } from './measurement.ts';

const GROUP = {
  groupId: '01890000-0000-7000-8000-00000000000a',
  workspaceId: '01890000-0000-7000-8000-00000000000b',
};

/** Joining a warm box and leaving it again, beside one transaction that changes one row of the same database. */
export async function measureLeases(): Promise<Measurement[]> {
  await using store = await openTestStore();
  await warmLease(store);
  await store.sql`CREATE TABLE counters (id int PRIMARY KEY, value int NOT NULL)`;
  await store.sql`INSERT INTO counters VALUES (1, 0)`;
  let attempt = 0;
  const took = await inTurns(
    {
      ours: async () => {
        attempt += 1;
        const holder = { kind: 'request', id: `bench-${attempt}`, attempt: String(attempt) } as const;
        const joined = await store.leases.join(GROUP.groupId, { ...holder, subject: 'bench', ttlMs: 90_000 });
        if (joined === null) throw new Error('The warm lease was not joined.');
        const left = await store.leases.leave(GROUP.groupId, holder, { idleGraceMs: 900_000 });
        if (!left) throw new Error('The lease was not left.');
      },
      raw: () =>
        store.sql.begin(async (sql) => {
          await sql`SELECT value FROM counters WHERE id = 1 FOR UPDATE`;
          await sql`UPDATE counters SET value = value + 1 WHERE id = 1`;
        }),
    },
    100,
  );
  return [
    {
      what: 'acquire and release of a lease',
      ours: ms(took.ours),
      beside: `${ms(took.raw)} one raw transaction`,
      ratio: times(took.ours, took.raw),
      goal: '≤ 2×',
    },
  ];
}

/** A lease with a box that one holder keeps: the state that nearly every request finds. */
async function warmLease({ leases }: { readonly leases: LeaseStore }): Promise<void> {
  const box = { provider: 'bench', instance: 'bench', resume: {} };
  const keeper = { kind: 'process', id: 'keeper', attempt: 'keeper', subject: 'bench' } as const;
  const put = <Type extends LeaseEventType>(event: LeaseEvent<Type> & { type: Type }) =>
    leases.change(GROUP, (lease, nowMs) => {
      const judged = transitionLease(lease, event, nowMs, DEFAULT_LEASE_SETTINGS);
      return { lease: judged.lease, result: judged.outcome };
    });
  await put({ type: 'acquire', holder: keeper });
  await put({ type: 'commit', epoch: 1, box, parks: false, fresh: true });
}
