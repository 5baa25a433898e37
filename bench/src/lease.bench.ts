import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderBlobStore } from '@boxyard/blobs';
import { BoxLeases, Reaper } from '@boxyard/leases';
import {
  createBackendRegistry,
  DEFAULT_LEASE_SETTINGS,
  type LeaseEvent,
  type LeaseEventType,
  type LeaseStore,
  transitionLease,
} from '@boxyard/sandbox-core';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { inTurns, type Measurement, median, ms, timed, times } from './measurement.ts';

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

const EXPIRED = 10;
const MANY_LEASES = 10_000;
const LOOKS = 9;

/** What the reaper's look costs where ten holders have expired: among ten leases, and among ten thousand. */
export async function measureReaper(): Promise<Measurement[]> {
  await using many = await openTestStore();
  await using few = await openTestStore();
  const took = { many: [] as number[], few: [] as number[] };
  const looks = { many: await reaperOver(many, MANY_LEASES), few: await reaperOver(few, EXPIRED) };
  for (let round = 0; round <= LOOKS; round++) {
    for (const name of ['many', 'few'] as const) {
      const lasted = await looks[name]();
      // The first look warms caches.
      if (round > 0) took[name].push(lasted);
    }
  }
  const [ours, beside] = [median(took.many), median(took.few)];
  return [
    {
      what: `the reaper's look, ${EXPIRED} of ${MANY_LEASES} leases expired`,
      ours: ms(ours),
      beside: `${ms(beside)} ${EXPIRED} of ${EXPIRED}`,
      ratio: times(ours, beside),
      goal: 'as the 10',
    },
  ];
}

/** Answers a function that lets ten holders expire and says how long the look took that ended them. */
async function reaperOver(store: TestStore, leases: number): Promise<() => Promise<number>> {
  await warmLease(store);
  await store.sql`
    INSERT INTO leases SELECT (jsonb_populate_record(l, jsonb_build_object('group_id', 'group-' || n))).*
    FROM leases l CROSS JOIN generate_series(1, ${leases - 1}::integer) n
  `;
  await store.sql`ANALYZE leases`;
  const groups = (
    await store.sql<{ group_id: string }[]>`SELECT group_id FROM leases ORDER BY group_id LIMIT ${EXPIRED}`
  ).map(({ group_id }) => group_id);
  const { context } = new BoxLeases({
    deployment: 'bench',
    store: store.leases,
    ledger: store.artifacts,
    // Nothing is written: no box of these leases is dirty.
    blobs: folderBlobStore({ dir: join(tmpdir(), 'boxyard-bench-no-blobs') }),
    providers: createBackendRegistry({}),
  });
  const reaper = new Reaper(context);
  let attempt = 0;
  let offsetMs = 0;
  return async () => {
    attempt += 1;
    for (const groupId of groups) {
      const holder = { kind: 'request', id: `gone-${attempt}`, attempt: 'gone', subject: 'bench' } as const;
      const joined = await store.leases.join(groupId, { ...holder, ttlMs: 1_000 });
      if (joined === null) throw new Error(`The lease of ${groupId} was not joined.`);
    }
    offsetMs += 2_000;
    await store.setClockOffset(offsetMs);
    const lasted = await timed(() => reaper.tick());
    const [left] = await store.sql<{ holders: number }[]>`
      SELECT max(jsonb_array_length(holders))::integer AS holders FROM leases WHERE group_id IN ${store.sql(groups)}
    `;
    if (left?.holders !== 1)
      throw new Error(`The look left ${left?.holders} holders of a lease, expected 1.`);
    return lasted;
  };
}
