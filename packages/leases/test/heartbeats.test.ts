import { DEFAULT_LEASE_SETTINGS } from '@boxyard/sandbox-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { group, open, openStage, SETTINGS, type Stage, state } from './stage.ts';

// Beats come often; what they keep is judged by the database's clock, which moves only when a test says so.
const settings = {
  ...SETTINGS,
  reaperPeriodMs: 20,
  holders: Object.fromEntries(
    Object.entries(DEFAULT_LEASE_SETTINGS.holders).map(([kind, { ttlMs }]) => [
      kind,
      { heartbeatMs: 20, ttlMs },
    ]),
  ) as typeof DEFAULT_LEASE_SETTINGS.holders,
};

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

test('heartbeats keep a box far beyond one TTL', async () => {
  const server = stage.server({ settings });
  const own = group();
  await using turn = await open(server, stage, own, { holder: { kind: 'turn', id: 't', subject: 'user' } });
  const expiry = async () => (await server.leases.inspect(own.groupId))?.holders[0]?.expiresAtMs ?? 0;
  for (let round = 0; round < 3; round += 1) {
    const before = await expiry();
    await stage.advance(15_000);
    await expect.poll(expiry, { timeout: 30_000, interval: 10 }).toBeGreaterThanOrEqual(before + 15_000);
    await server.reaper.tick();
  }
  expect(turn.lost.aborted).toBe(false);
  expect(await server.leases.inspect(own.groupId)).toMatchObject({ state: 'warm' });
});

test('a turn whose attempt was replaced is told, and its heartbeats keep nothing', async () => {
  const server = stage.server({ settings });
  const own = group();
  const holder = { kind: 'turn', id: 't', subject: 'user' } as const;
  const first = await open(server, stage, own, { holder });
  await using second = await open(stage.server({ settings }), stage, own, { holder });
  await expect.poll(() => first.lost.aborted, { timeout: 30_000 }).toBe(true);
  await expect(first.markDirty()).rejects.toMatchObject({ code: 'fenced' });
  await first.close();
  expect(second.lost.aborted).toBe(false);
  expect((await server.leases.inspect(own.groupId))?.holders).toHaveLength(1);
  await expect(first.box.exec({ program: { script: 'true' } })).rejects.toMatchObject({ code: 'closed' });
});

test('a reaper that was started ends what is over by itself', async () => {
  const server = stage.server({ settings });
  const own = group();
  const box = await open(server, stage, own);
  await box.close();
  await state(server, own.groupId, 'draining');
  server.reaper.start();
  await stage.advance(3_600_000);
  await state(server, own.groupId, 'cold');
  await server.reaper.close();
});

test('closing lets go of everything and leaves the boxes', async () => {
  const server = stage.server({ settings });
  const own = group();
  const box = await open(server, stage, own, { holder: { kind: 'process', id: 'p', subject: 'user' } });
  await server.leases.close();
  expect(stage.cloud.machines.has(box.box.ref.instance)).toBe(true);
  expect(await server.leases.inspect(own.groupId)).toMatchObject({ state: 'draining', holders: [] });
  await expect(open(server, stage, own)).rejects.toMatchObject({ code: 'closed' });
});
