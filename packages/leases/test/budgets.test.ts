import { afterAll, beforeAll, expect, test } from 'vitest';
import { group, open, openStage, read, type Stage, state, write } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

const MINUTE_MS = 60_000;
const ALWAYS = { fromMs: 0, toMs: 4_000_000_000_000 };

test('a box that is needed is captured and stopped when the budget is used up, and stays stopped', async () => {
  const server = stage.server();
  const own = group();
  const turn = await open(server, stage, own, { holder: { kind: 'turn', id: 't', subject: 'user' } });
  await write(turn, 'a', 'kept');
  await stage.store.usage.setBudget(own.workspaceId, 60);
  await server.reaper.tick();
  expect(await server.leases.inspect(own.groupId)).toMatchObject({ state: 'warm' });

  await stage.store.usage.setBudget(own.workspaceId, 0);
  await server.reaper.tick();
  expect(await server.leases.inspect(own.groupId)).toMatchObject({ state: 'cold', box: null, dirty: false });
  expect(turn.lost.aborted).toBe(true);
  expect(server.notices.filter(({ type }) => type === 'stopped')).toMatchObject([
    { cause: 'budget', captured: true, reason: expect.stringContaining('budget') },
  ]);
  await turn.close();

  const asked = stage.cloud.asked.length;
  for (const kind of ['viewer', 'request', 'turn', 'process'] as const)
    for (let times = 0; times < 5; times += 1)
      await expect(
        open(server, stage, own, { holder: { kind, id: `${kind}-${times}`, subject: 'user' } }),
      ).rejects.toMatchObject({
        code: 'over-budget',
        started: 'no',
        retryable: false,
        message: expect.stringContaining('its budget is 0 s'),
      });
  expect(stage.cloud.asked).toHaveLength(asked);

  await stage.store.usage.setBudget(own.workspaceId, null);
  await using again = await open(server, stage, own);
  expect(await read(again, 'a')).toBe('kept');
});

test('boxes of other workspaces go on', async () => {
  const server = stage.server();
  const [own, other] = [group(), group()];
  await using _ = await open(server, stage, own);
  await using __ = await open(server, stage, other);
  await stage.store.usage.setBudget(own.workspaceId, 0);
  await server.reaper.tick();
  expect(await server.leases.inspect(own.groupId)).toMatchObject({ state: 'cold' });
  expect(await server.leases.inspect(other.groupId)).toMatchObject({ state: 'warm' });
});

test('a box over budget whose capture fails stays up and is tried again at each tick', async () => {
  let full = true;
  const { blobs } = stage;
  const server = stage.server({
    blobs: {
      ...blobs,
      put: async (...call) => {
        if (full) throw new Error('disk full');
        return blobs.put(...call);
      },
    },
  });
  const own = group();
  const box = await open(server, stage, own);
  await write(box, 'a', '1');
  await box.close();
  await stage.store.usage.setBudget(own.workspaceId, 0);
  await server.reaper.tick();
  expect(await server.leases.inspect(own.groupId)).toMatchObject({ state: 'draining', dirty: true });
  full = false;
  await server.reaper.tick();
  expect(await server.leases.inspect(own.groupId)).toMatchObject({ state: 'cold', dirty: false });
});

test('a crash while a box is stopped for its budget neither counts twice nor loses', async () => {
  const own = group();
  // No capture but the one of the stop.
  const settings = { captureIntervalMs: 1_000_000_000 };
  const first = stage.server({ settings });
  const box = await open(first, stage, own, { holder: { kind: 'process', id: 'p', subject: 'user' } });
  await write(box, 'a', '1');
  await stage.advance(10 * MINUTE_MS);
  await stage.store.usage.setBudget(own.workspaceId, 60);
  let stopping = () => {};
  const storing = new Promise<void>((resolve) => {
    stopping = resolve;
  });
  const doomed = stage.server({
    doomed: true,
    settings,
    blobs: {
      ...stage.blobs,
      put: () => {
        stopping();
        return new Promise(() => {});
      },
    },
  });
  void doomed.reaper.tick();
  await storing;
  await stage.advance(10 * MINUTE_MS);
  const next = stage.server({ settings });
  await Promise.all([next.reaper.tick(), first.reaper.tick()]);
  expect(await next.leases.inspect(own.groupId)).toMatchObject({ state: 'cold' });
  const stopped = [...next.notices, ...first.notices].filter(
    (notice) => notice.type === 'stopped' && notice.groupId === own.groupId,
  );
  expect(stopped).toMatchObject([{ cause: 'budget', captured: true }]);
  const intervals = await stage.store.usage.intervals(own.groupId, ALWAYS, { limit: 10 });
  expect(intervals).toHaveLength(1);
  const usedMs = await stage.store.usage.warmMs(own.workspaceId, ALWAYS);
  // Twenty minutes by the clock of the record, and what this test itself took.
  expect(usedMs).toBeGreaterThanOrEqual(20 * MINUTE_MS);
  expect(usedMs).toBeLessThan(22 * MINUTE_MS);
  await box.close();
});

test('a slow capture of one box does not keep the boxes of another workspace running', async () => {
  const [slow, costly] = [group(), group()];
  const { blobs } = stage;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const server = stage.server({
    settings: { reaperPeriodMs: 10 },
    blobs: {
      ...blobs,
      put: async (key, ...rest) => {
        if (key.includes(slow.groupId)) {
          begin();
          await finished;
        }
        return blobs.put(key, ...rest);
      },
    },
  });
  const process = { kind: 'process', id: 'p', subject: 'user' } as const;
  const box = await open(server, stage, slow, { holder: process });
  await using _ = await open(server, stage, costly, { holder: process });
  await write(box, 'a', '1');
  await stage.advance(2 * MINUTE_MS);
  server.reaper.start();
  await begun;
  await stage.store.usage.setBudget(costly.workspaceId, 0);
  await state(server, costly.groupId, 'cold');
  finish();
  await server.reaper.close();
  await box.close();
});
