import { afterAll, beforeAll, expect, test } from 'vitest';
import { group, open, openStage, read, type Stage, state, write } from './stage.ts';

const HOUR_MS = 3_600_000;
let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ parks: true });
});
afterAll(() => stage[Symbol.asyncDispose]());

test('draining parks a folder, and the next open finds it exactly as it was', async () => {
  const server = stage.server();
  const own = group();
  const first = await open(server, stage, own);
  await write(first, 'a', 'kept');
  await first.close();
  await state(server, own.groupId, 'draining');
  await stage.advance(HOUR_MS);
  await server.reaper.tick();
  const report = await server.leases.inspect(own.groupId);
  expect(report).toMatchObject({ state: 'cold', box: { instance: own.groupId }, condemned: [] });
  expect(report?.artifacts).toHaveLength(1);
  expect(stage.cloud.machines.get(own.groupId)?.parked).toBe(true);
  await using second = await open(server, stage, own);
  expect(second).toMatchObject({ epoch: 2, receipt: { kind: 'EXACT' } });
  expect(await read(second, 'a')).toBe('kept');
  expect(stage.cloud.asked.filter((call) => call === `destroy ${own.groupId}`)).toEqual([]);
});

test('a parked folder that is missing is restored from its archive', async () => {
  const server = stage.server();
  const own = group();
  const first = await open(server, stage, own);
  await write(first, 'a', 'kept');
  await first.close();
  await server.leases.pause(own);
  stage.cloud.kill(own.groupId);
  await using second = await open(server, stage, own);
  expect(second.receipt).toEqual({ kind: 'EXACT' });
  expect(await read(second, 'a')).toBe('kept');
});

test('a folder whose restore failed is not taken for the workspace: the next open restores it', async () => {
  const server = stage.server();
  const own = group();
  const first = await open(server, stage, own);
  await write(first, 'a', 'kept');
  await first.close();
  await server.leases.pause(own);
  stage.cloud.kill(own.groupId);
  const away = stage.server({ blobs: { ...stage.blobs, open: () => Promise.reject(new Error('no route')) } });
  await expect(open(away, stage, own)).rejects.toThrow('no route');
  expect(stage.cloud.machines.has(own.groupId)).toBe(true);
  await using second = await open(server, stage, own);
  expect(second.receipt).toEqual({ kind: 'EXACT' });
  expect(await read(second, 'a')).toBe('kept');
});

test('only deletion removes the folder', async () => {
  const server = stage.server();
  const own = group();
  await (await open(server, stage, own)).close();
  await server.leases.pause(own);
  for (let round = 0; round < 3; round += 1) {
    await stage.advance(HOUR_MS);
    await server.reaper.tick();
    await server.sweep.run();
  }
  expect(stage.cloud.machines.has(own.groupId)).toBe(true);
  await server.leases.destroy(own);
  expect(stage.cloud.machines.has(own.groupId)).toBe(false);
});

test('a spawner that comes back late does not remove the folder that its successor uses', async () => {
  const own = group();
  const { provider } = stage.cloud;
  let reached = () => {};
  const making = new Promise<void>((resolve) => {
    reached = resolve;
  });
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const slow = stage.server({
    provider: {
      ...provider,
      create: async (...call) => {
        const box = await provider.create(...call);
        reached();
        await gate;
        return box;
      },
    },
  });
  const late = open(slow, stage, own);
  await making;
  await stage.advance(HOUR_MS);
  const server = stage.server();
  const second = await open(server, stage, own);
  await write(second, 'a', 'kept');
  letGo();
  // The late one finds itself refused and joins what is there.
  const joined = await late;
  expect(joined.epoch).toBe(second.epoch);
  expect(await read(second, 'a')).toBe('kept');
  await joined.close();
  await second.close();
});
