import type { MachineDescription, NewEnrollment } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WORKSPACE } from '../test/records.ts';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;
beforeAll(async () => {
  store = await openTestStore();
});
afterAll(() => store.close());

const machine = (overrides: Partial<MachineDescription> = {}): MachineDescription => ({
  publicKey: `U${uuidv7()}`,
  os: 'linux',
  arch: 'x86_64',
  machineName: 'a laptop',
  canOfferDisplay: false,
  requestsScreenControl: false,
  ...overrides,
});

const enrollment = (overrides: Partial<NewEnrollment> = {}): NewEnrollment => ({
  id: uuidv7(),
  workspaceId: WORKSPACE,
  machine: machine(),
  allowScreenControl: false,
  approvedBy: 'a key',
  ...overrides,
});

async function grantOf(overrides: { userCode?: string; ttlMs?: number } = {}) {
  const grant = {
    id: uuidv7(),
    workspaceId: WORKSPACE,
    deviceCodeSha256: uuidv7(),
    userCode: uuidv7(),
    machine: machine(),
    intervalMs: 5_000,
    ttlMs: 600_000,
    ...overrides,
  };
  return { grant, created: await store.enrollments.createGrant(grant) };
}

/** As a token or an approval lets it in. */
async function enrolled(overrides: Partial<NewEnrollment> = {}) {
  const { grant } = await grantOf();
  const made = enrollment(overrides);
  const change = { decision: 'approved', enrollmentId: made.id } as const;
  expect(await store.enrollments.changeGrant(grant.id, 0, change, made)).toBe(true);
  return made;
}

describe('a machine that asks', () => {
  test('is found by both of its codes, with times of the store', async () => {
    const { grant, created } = await grantOf();
    expect(created).toBe(true);
    const found = await store.enrollments.findGrant({ deviceCodeSha256: grant.deviceCodeSha256 });
    expect(await store.enrollments.findGrant({ userCode: grant.userCode })).toMatchObject({
      grant: found!.grant,
    });
    const { ttlMs, ...stored } = grant;
    expect(found).toMatchObject({
      version: 0,
      grant: { ...stored, decision: 'pending', enrollmentId: null, polledAtMs: null, deliveredAtMs: null },
    });
    expect(found!.grant.expiresAtMs - found!.grant.createdAtMs).toBe(ttlMs);
    expect(found!.nowMs).toBeGreaterThanOrEqual(found!.grant.createdAtMs);
    expect(await store.enrollments.findGrant({ userCode: 'nobody' })).toBeNull();
  });

  test('does not get a user code that another one has', async () => {
    const { grant } = await grantOf();
    expect((await grantOf({ userCode: grant.userCode })).created).toBe(false);
  });

  test('is decided about once, whoever is faster', async () => {
    const { grant } = await grantOf();
    const made = enrollment({ machine: grant.machine });
    const outcomes = await Promise.all([
      store.enrollments.changeGrant(grant.id, 0, { decision: 'approved', enrollmentId: made.id }, made),
      store.enrollments.changeGrant(grant.id, 0, { decision: 'denied' }),
      store.enrollments.changeGrant(grant.id, 0, { polledAtMs: 1 }),
    ]);
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    const found = await store.enrollments.findGrant({ userCode: grant.userCode });
    expect(found?.version).toBe(1);
    expect((await store.enrollments.find(made.id)) !== null).toBe(outcomes[0]);
  });
});

describe('an enrollment', () => {
  test('is listed in its workspace only, newest first, and revoked once', async () => {
    const workspaceId = uuidv7();
    const [first, second] = [await enrolled({ workspaceId }), await enrolled({ workspaceId })];
    const ids = async (after?: string) =>
      (await store.enrollments.list(workspaceId, { limit: 10, after })).map(({ id }) => id);
    expect(await ids()).toEqual([second.id, first.id]);
    expect(await ids(second.id)).toEqual([first.id]);
    expect(await store.enrollments.revoke(uuidv7(), first.id)).toBeNull();
    const revoked = await store.enrollments.revoke(workspaceId, first.id);
    expect(revoked).toMatchObject({ ...first, state: 'revoked', revokedAt: expect.any(Date) });
    expect(await store.enrollments.revoke(workspaceId, first.id)).toEqual(revoked);
    expect(await store.enrollments.find(second.id)).toMatchObject({ state: 'active', generation: 0 });
  });

  test('takes the place of the one with the same key, in its own workspace', async () => {
    const { machine: same } = await enrolled();
    const elsewhere = await enrolled({ workspaceId: uuidv7(), machine: same });
    const [again, ...others] = await Promise.all([
      enrolled({ machine: same }),
      enrolled({ machine: same }),
      enrolled({ machine: same }),
    ]);
    const states = await Promise.all(
      [again!, ...others].map(async ({ id }) => (await store.enrollments.find(id))!.state),
    );
    expect(states.filter((state) => state === 'active')).toHaveLength(1);
    expect(await store.enrollments.find(elsewhere.id)).toMatchObject({ state: 'active' });
  });
});

describe('a renewal', () => {
  test('uses its challenge up and raises the generation', async () => {
    const { id } = await enrolled();
    const refresh = (generation: number, challengedAtMs: number) =>
      store.enrollments.refresh(id, { generation, challengedAtMs });
    expect(await refresh(0, 100)).toMatchObject({ outcome: 'refreshed', enrollment: { generation: 1 } });
    expect(await refresh(1, 100)).toEqual({ outcome: 'replayed' });
    expect(await refresh(1, 99)).toEqual({ outcome: 'replayed' });
    expect(await refresh(1, 101)).toMatchObject({ enrollment: { generation: 2 } });
    expect(await refresh(3, 102)).toEqual({ outcome: 'replayed' });
    expect(await refresh(0, 102)).toEqual({ outcome: 'replayed' });
  });

  test('whose answers are lost, however many, can be asked for again', async () => {
    const { id } = await enrolled();
    for (let at = 1; at < 5; at++) {
      expect(await store.enrollments.refresh(id, { generation: 0, challengedAtMs: at })).toMatchObject({
        enrollment: { generation: 1 },
      });
    }
  });

  test('of a revoked or unknown machine is refused', async () => {
    const { id } = await enrolled();
    await store.enrollments.revoke(WORKSPACE, id);
    const proof = { generation: 0, challengedAtMs: 1 };
    expect(await store.enrollments.refresh(id, proof)).toEqual({ outcome: 'revoked' });
    expect(await store.enrollments.refresh(uuidv7(), proof)).toEqual({ outcome: 'unknown' });
  });
});

describe('an enrollment token', () => {
  const token = async (uses: number, expiresAt = new Date(Date.now() + 60_000)) => {
    const id = uuidv7();
    await store.enrollments.createToken({ id, workspaceId: WORKSPACE, uses, expiresAt, createdBy: 'a key' });
    return id;
  };

  test('lets in as many machines as it has uses, also at once', async () => {
    const id = await token(3);
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const { outcome } = await store.enrollments.exchangeToken(id, enrollment(), 1_000);
        return outcome;
      }),
    );
    expect(outcomes.filter((outcome) => outcome === 'enrolled')).toHaveLength(3);
    expect(outcomes.filter((outcome) => outcome === 'used-up')).toHaveLength(5);
  });

  test('answers the machine that lost its answer again, for a while, and counts no use', async () => {
    const id = await token(1);
    const asked = enrollment();
    const first = await store.enrollments.exchangeToken(id, asked, 60_000);
    expect(first).toMatchObject({ outcome: 'enrolled', enrollment: asked });
    const again = await store.enrollments.exchangeToken(id, { ...asked, id: uuidv7() }, 60_000);
    expect(again).toMatchObject({ outcome: 'again', enrollment: asked });
    const late = await store.enrollments.exchangeToken(id, { ...asked, id: uuidv7() }, 0);
    expect(late).toEqual({ outcome: 'used-up' });
  });

  test('is refused when it has run out, is unknown, or is of another workspace', async () => {
    const exchange = async (id: string, made = enrollment()) =>
      (await store.enrollments.exchangeToken(id, made, 1_000)).outcome;
    expect(await exchange(await token(1, new Date(Date.now() - 1_000)))).toBe('expired');
    expect(await exchange(uuidv7())).toBe('unknown');
    expect(await exchange(await token(1), enrollment({ workspaceId: uuidv7() }))).toBe('unknown');
  });
});

test('what ended long ago is removed in bounded batches, and what still waits stays', async () => {
  await store.sql`DELETE FROM boxyard.device_grants`;
  await store.sql`DELETE FROM boxyard.enrollment_tokens`;
  for (let n = 0; n < 3; n++) await grantOf({ ttlMs: 1 });
  const { grant } = await grantOf();
  const soon = new Date(Date.now() + 60_000);
  expect(await store.enrollments.trim(soon, 2)).toBe(2);
  expect(await store.enrollments.trim(soon, 2)).toBe(1);
  expect(await store.enrollments.trim(soon, 2)).toBe(0);
  expect(await store.enrollments.findGrant({ userCode: grant.userCode })).not.toBeNull();
});
