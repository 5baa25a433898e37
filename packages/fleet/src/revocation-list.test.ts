import type { EnrollmentRecord } from '@boxyard/sandbox-core';
import { expect, test } from 'vitest';
import type { Revocations } from './nats-operator.ts';
import { RevocationList } from './revocation-list.ts';

const START_MS = 1_800_000_000_000;
const revoked = (publicKey: string, atMs: number): EnrollmentRecord => ({
  id: publicKey,
  workspaceId: 'workspace',
  machine: {
    publicKey,
    os: 'linux',
    arch: 'x86_64',
    machineName: 'a laptop',
    canOfferDisplay: false,
    requestsScreenControl: false,
  },
  allowScreenControl: false,
  approvedBy: 'ada',
  state: 'revoked',
  generation: 0,
  createdAt: new Date(0),
  refreshedAt: new Date(0),
  revokedAt: new Date(atMs),
});

function listAt(tell: (revocations: Revocations) => Promise<void> = async () => {}) {
  const clock = { nowMs: START_MS };
  const trouble: unknown[] = [];
  const list = new RevocationList({
    jwtTtlMs: 300_000,
    tell,
    onTrouble: (error) => void trouble.push(error),
    now: () => new Date(clock.nowMs),
  });
  return { list, clock, trouble };
}

test('what was revoked is told until nothing that was signed before can still be shown', () => {
  const { list, clock } = listAt();
  list.note(revoked('UA', START_MS));
  list.note(revoked('UB', START_MS + 200_000));
  list.note(revoked('UA', START_MS - 50_000));
  expect(list.current).toEqual({ UA: START_MS / 1000, UB: START_MS / 1000 + 200 });
  clock.nowMs = START_MS + 361_000;
  expect(list.current).toEqual({ UB: START_MS / 1000 + 200 });
  expect(list.since.getTime()).toBe(clock.nowMs - 360_000);
});

test('of many that are revoked at once the last telling knows all', async () => {
  const told: Revocations[] = [];
  const { list } = listAt(async (revocations) => {
    await Promise.resolve();
    told.push(revocations);
  });
  await Promise.all(['UA', 'UB', 'UC'].map((key) => list.revoke(revoked(key, START_MS))));
  expect(Object.keys(told.at(-1)!)).toEqual(['UA', 'UB', 'UC']);
});

test('what could not be told is reported, and told with the next one', async () => {
  const told: Revocations[] = [];
  let fails = true;
  const { list, trouble } = listAt(async (revocations) => {
    if (fails) throw new Error('away');
    told.push(revocations);
  });
  await list.revoke(revoked('UA', START_MS));
  expect(trouble).toHaveLength(1);
  fails = false;
  await list.revoke(revoked('UB', START_MS));
  expect(told).toEqual([{ UA: START_MS / 1000, UB: START_MS / 1000 }]);
});
