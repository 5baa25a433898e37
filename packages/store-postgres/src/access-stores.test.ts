import type { KeyRecord } from '@boxyard/sandbox-core';
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

describe('workspaces', () => {
  test('are found by id and by slug, listed by slug, and their slugs taken once', async () => {
    const first = { id: uuidv7(), slug: 'b-first', createdAt: new Date() };
    const second = { id: uuidv7(), slug: 'a-second', createdAt: new Date() };
    for (const workspace of [first, second]) await store.workspaces.create(workspace);
    expect(await store.workspaces.find(first.id)).toEqual(first);
    expect(await store.workspaces.find('b-first')).toEqual(first);
    expect(await store.workspaces.find('nobody')).toBeNull();
    expect(await store.workspaces.list()).toEqual([second, first]);
    await expect(store.workspaces.create({ ...first, id: uuidv7() })).rejects.toMatchObject({
      code: 'conflict',
      started: 'no',
    });
  });

  test('a slug that reads like an id does not hide whose id it is', async () => {
    const first = { id: uuidv7(), slug: uuidv7(), createdAt: new Date() };
    const second = { id: uuidv7(), slug: first.id, createdAt: new Date() };
    for (const workspace of [second, first]) await store.workspaces.create(workspace);
    expect(await store.workspaces.find(first.id)).toEqual(first);
  });
});

describe('keys', () => {
  const newKey = (overrides: Partial<KeyRecord> = {}): KeyRecord => ({
    id: uuidv7(),
    workspaceId: 'workspace',
    name: 'a key',
    secretSha256: uuidv7(),
    permissions: ['files:read', 'sessions:control'],
    createdAt: new Date(),
    expiresAt: new Date(2_000_000_000_000),
    revokedAt: null,
    ...overrides,
  });

  test('are found by their secret and listed by workspace', async () => {
    const workspaceId = uuidv7();
    const keys = [newKey({ workspaceId }), newKey({ workspaceId, expiresAt: null, permissions: [] })];
    for (const key of keys) await store.keys.create(key);
    await store.keys.create(newKey());
    expect(await store.keys.findBySecret(keys[0]!.secretSha256)).toEqual(keys[0]);
    expect(await store.keys.findBySecret('unknown')).toBeNull();
    expect(await store.keys.list(workspaceId)).toEqual(keys);
    await expect(store.keys.create(newKey({ secretSha256: keys[0]!.secretSha256 }))).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  test('are revoked once, in their own workspace only', async () => {
    const key = newKey();
    await store.keys.create(key);
    expect(await store.keys.revoke('another', key.id)).toBe(false);
    expect(await store.keys.findBySecret(key.secretSha256)).toEqual(key);
    expect(await store.keys.revoke('workspace', key.id)).toBe(true);
    const revoked = await store.keys.findBySecret(key.secretSha256);
    expect(revoked?.revokedAt).toBeInstanceOf(Date);
    expect(await store.keys.revoke('workspace', key.id)).toBe(true);
    expect(await store.keys.findBySecret(key.secretSha256)).toEqual(revoked);
  });

  test('tell every process when one changed', async () => {
    let told = 0;
    const stop = other.keys.subscribe(() => told++);
    await eventually('listening', () => told > 0);
    const key = newKey();
    let before = told;
    await store.keys.create(key);
    await eventually('told of a new key', () => told > before);
    before = told;
    await store.keys.revoke('workspace', key.id);
    await eventually('told of a revoked key', () => told > before);
    stop();
  });
});

describe('idempotency keys', () => {
  const newClaim = () => ({ workspaceId: 'workspace', key: uuidv7(), bodyDigest: 'digest' });
  const options = { claimTimeoutMs: 1_000_000 };
  const answer = { status: 201, body: '{"id":"\\u0000"}' };

  test('are claimed by one of many', async () => {
    const claim = newClaim();
    const states = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? store : other).idempotency.claim(claim, options)),
    );
    expect(states.filter(({ kind }) => kind === 'claimed')).toHaveLength(1);
    expect(states.filter(({ kind }) => kind === 'in-flight')).toHaveLength(19);
  });

  test('answer as the first time, and refuse another body', async () => {
    const claim = newClaim();
    await store.idempotency.claim(claim, options);
    const otherBody = { ...claim, bodyDigest: 'another' };
    expect(await store.idempotency.claim(otherBody, options)).toEqual({ kind: 'other-body' });
    await store.idempotency.finish(claim, answer);
    await store.idempotency.finish(claim, { status: 500, body: 'a second answer' });
    await store.idempotency.abandon(claim);
    expect(await store.idempotency.claim(claim, options)).toEqual({ kind: 'done', ...answer });
    expect(await store.idempotency.claim(otherBody, options)).toEqual({ kind: 'other-body' });
    expect(await store.idempotency.claim({ ...claim, workspaceId: 'another' }, options)).toEqual({
      kind: 'claimed',
    });
  });

  test('are free again when given up, when the claim timed out, and after 24 hours', async () => {
    const claim = newClaim();
    await store.idempotency.claim(claim, options);
    await store.idempotency.abandon(claim);
    expect(await store.idempotency.claim(claim, options)).toEqual({ kind: 'claimed' });
    await store.setClockOffset(1_000_001);
    expect(await store.idempotency.claim(claim, options)).toEqual({ kind: 'claimed' });
    await store.idempotency.finish(claim, answer);
    await store.setClockOffset(23 * 3_600_000);
    expect(await store.idempotency.claim(claim, options)).toMatchObject({ kind: 'done' });
    await store.setClockOffset(25 * 3_600_000);
    expect(await store.idempotency.claim({ ...claim, bodyDigest: 'new' }, options)).toEqual({
      kind: 'claimed',
    });
    await store.setClockOffset(0);
  });

  test('are forgotten when they are old, in bounded batches', async () => {
    await store.sql`DELETE FROM idempotency_keys`;
    for (let n = 0; n < 3; n++) await store.idempotency.claim(newClaim(), options);
    expect(await store.idempotency.trim(new Date(Date.now() - 3_600_000), 10)).toBe(0);
    const soon = new Date(Date.now() + 3_600_000);
    expect(await store.idempotency.trim(soon, 2)).toBe(2);
    expect(await store.idempotency.trim(soon, 2)).toBe(1);
  });
});
