import { type LeaseStore, SandboxError } from '@boxyard/sandbox-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { group, open, openStage, read, SETTINGS, type Stage, state, write } from './stage.ts';

const HOUR_MS = 3_600_000;
let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

const created = (groupId: string) => stage.cloud.asked.filter((call) => call.startsWith(`create ${groupId}`));

describe('opening', () => {
  test('twenty at once in three processes make one box', async () => {
    const servers = [stage.server(), stage.server(), stage.server()] as const;
    const own = group();
    const boxes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => open(servers[index % 3]!, stage, own)),
    );
    expect(new Set(boxes.map(({ box }) => box.ref.instance)).size).toBe(1);
    expect(created(own.groupId)).toHaveLength(1);
    for (const { box } of boxes)
      expect((await box.exec({ program: { script: 'echo hi' } })).exitCode).toBe(0);
    await Promise.all(boxes.map((box) => box.close()));
  });

  test('whoever joins before the maker of the box has its answer keeps a box that works', async () => {
    const answer = Promise.withResolvers<void>();
    const committed = Promise.withResolvers<void>();
    const slow: Pick<LeaseStore, 'changeExisting'> = {
      async changeExisting(groupId, ...more) {
        const outcome = await stage.store.leases.changeExisting(groupId, ...more);
        if ((await stage.store.leases.read(groupId))?.state === 'warm') {
          committed.resolve();
          await answer.promise;
        }
        return outcome;
      },
    };
    const store = new Proxy(stage.store.leases, {
      get: (target, name) => {
        if (name === 'changeExisting') return slow.changeExisting;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const server = stage.server({ store });
    const own = group();
    const making = open(server, stage, own, { holder: { kind: 'turn', subject: 'turn' } });
    await committed.promise;
    const joined = await open(server, stage, own);
    answer.resolve();
    const made = await making;
    for (const { box } of [joined, made])
      expect((await box.exec({ program: { script: 'echo hi' } })).exitCode).toBe(0);
    await made.close();
    expect((await joined.box.exec({ program: { script: 'echo hi' } })).exitCode).toBe(0);
    await joined.close();
  });

  test('again in the same process costs no statement while the first is held', async () => {
    const server = stage.server();
    const own = group();
    await using first = await open(server, stage, own);
    const statements: string[] = [];
    const stop = stage.store.onStatement((text) => statements.push(text));
    for (let round = 0; round < 50; round += 1) {
      const again = await open(server, stage, own);
      expect(again.box.ref).toEqual(first.box.ref);
      await again.close();
    }
    stop();
    // One look of the watch that the first one set up may fall into this time.
    expect(statements.length).toBeLessThan(3);
  });

  test('a spawner that was killed is followed by the next one once its claim has run out', async () => {
    const own = group();
    const { spec, ...call } = { ...own, spec: { backend: 'docker' as const } };
    const holder = { kind: 'request', id: 'dead', attempt: 'dead', subject: 'user' } as const;
    const dead = stage.server();
    const claimed = await dead.leases.context.applyOrInsert(call, { type: 'acquire', holder });
    expect(claimed.kind).toBe('spawn');
    const server = stage.server();
    const opening = open(server, stage, own, { spec });
    await state(server, own.groupId, 'warming');
    await stage.advance(HOUR_MS);
    await server.reaper.tick();
    await using opened = await opening;
    expect(opened.epoch).toBe(2);
  });

  test('the only server need not wait for the claims of a predecessor that died', async () => {
    await using alone = await openStage();
    const own = [group(), group()] as const;
    const dead = alone.server().leases.context;
    const holder = { kind: 'request', id: 'dead', attempt: 'dead', subject: 'user' } as const;
    for (const each of own) await dead.applyOrInsert(each, { type: 'acquire', holder });
    const box = { provider: 'docker', instance: 'known', resume: {} };
    await dead.apply(own[0].groupId, { type: 'created', epoch: 1, box, parks: false });
    const server = alone.server();
    await server.leases.takeOver();
    for (const each of own) {
      await using opened = await open(server, alone, each);
      expect(opened.epoch).toBe(2);
    }
    await server.reaper.tick();
    expect(alone.cloud.asked).toContain('destroy known');
  });

  test('what cannot be made is told to everybody who waits, and the next opener tries again', async () => {
    const server = stage.server();
    const own = group();
    stage.cloud.refusal = new SandboxError('quota', 'There is no room. Free some.');
    const told = await Promise.allSettled([open(server, stage, own), open(stage.server(), stage, own)]);
    stage.cloud.refusal = null;
    for (const one of told) expect(one).toMatchObject({ status: 'rejected', reason: { code: 'quota' } });
    await using opened = await open(server, stage, own);
    expect(opened.epoch).toBeGreaterThan(1);
  });

  test('who stops waiting does not stop the making', async () => {
    const server = stage.server();
    const own = group();
    const patience = new AbortController();
    const { provider } = stage.cloud;
    let let_go = () => {};
    const gate = new Promise<void>((resolve) => {
      let_go = resolve;
    });
    const slow = stage.server({
      provider: {
        ...provider,
        create: async (...call) => {
          await gate;
          return provider.create(...call);
        },
      },
    });
    const opening = open(slow, stage, own, { signal: patience.signal });
    await state(server, own.groupId, 'warming');
    patience.abort();
    await expect(opening).rejects.toMatchObject({ code: 'cancelled' });
    let_go();
    await using opened = await open(server, stage, own);
    expect(opened.epoch).toBe(1);
    expect(created(own.groupId)).toHaveLength(1);
  });

  test('a provider that never answers ends the attempt, and what it makes too late is destroyed', async () => {
    const own = group();
    const { provider } = stage.cloud;
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const hangs = async (...call: Parameters<typeof provider.create>) => {
      await gate;
      return provider.create(...call);
    };
    const server = stage.server({
      provider: { ...provider, create: hangs },
      settings: { ...SETTINGS, spawnDeadlineMs: 500 },
    });
    await expect(open(server, stage, own)).rejects.toMatchObject({ code: 'timeout' });
    const healthy = stage.server();
    await using opened = await open(healthy, stage, own);
    letGo();
    const instances = () =>
      [...stage.cloud.machines.values()]
        .filter(({ tag }) => tag?.group === own.groupId)
        .map(({ machine }) => machine.instance);
    await expect.poll(() => created(own.groupId).length, { timeout: 30_000 }).toBe(2);
    await expect
      .poll(
        async () => {
          await healthy.reaper.tick();
          return instances();
        },
        { timeout: 30_000 },
      )
      .toEqual([opened.box.ref.instance]);
  });

  test('with another expected epoch is fenced and wakes nothing', async () => {
    const server = stage.server();
    const own = group();
    await expect(open(server, stage, own, { expectedEpoch: 1 })).rejects.toMatchObject({ code: 'fenced' });
    expect(created(own.groupId)).toEqual([]);
    await using opened = await open(server, stage, own);
    await using same = await open(server, stage, own, { expectedEpoch: opened.epoch });
    expect(same.epoch).toBe(1);
    await expect(open(server, stage, own, { expectedEpoch: 2 })).rejects.toMatchObject({ code: 'fenced' });
  });

  test('a box that cannot be reached gets no rival', async () => {
    const own = group();
    await using first = await open(stage.server(), stage, own);
    const { provider } = stage.cloud;
    const away = stage.server({
      provider: {
        ...provider,
        resume: () => Promise.reject(new SandboxError('unreachable', 'No answer. Try again.')),
      },
    });
    await expect(open(away, stage, own)).rejects.toMatchObject({ code: 'unreachable' });
    expect(created(own.groupId)).toHaveLength(1);
    expect((await first.box.exec({ program: { script: 'true' } })).exitCode).toBe(0);
  });
});

describe('a box that is gone', () => {
  test('is replaced once, restored from its newest archive, and the receipt says what is stale', async () => {
    const servers = [stage.server(), stage.server(), stage.server()] as const;
    const own = group();
    const first = await open(servers[0], stage, own);
    await write(first, 'a', 'captured');
    expect(await servers[0].leases.capture(own)).toBe(true);
    await write(first, 'b', 'not captured');
    stage.cloud.kill(first.box.ref.instance);
    await expect(first.box.files.read('a')).rejects.toMatchObject({ code: 'gone' });
    await first.close();

    const boxes = await Promise.all([...servers, ...servers].map((server) => open(server, stage, own)));
    expect(new Set(boxes.map((box) => box.epoch))).toEqual(new Set([2]));
    expect(created(own.groupId)).toHaveLength(2);
    const receipts = boxes.flatMap((box) => (box.receipt === null ? [] : [box.receipt.kind]));
    expect(receipts).toEqual(['STALE']);
    for (const box of boxes) {
      expect(await read(box, 'a')).toBe('captured');
      expect(await box.box.files.stat('b')).toBeNull();
      await box.close();
    }
  });

  test('without any archive is a fresh box that says so', async () => {
    const server = stage.server();
    const own = group();
    const first = await open(server, stage, own);
    stage.cloud.kill(first.box.ref.instance);
    await expect(first.box.exec({ program: { script: 'true' } })).rejects.toMatchObject({ code: 'gone' });
    await using second = await open(server, stage, own);
    expect(second.receipt).toEqual({ kind: 'INCOMPLETE', missing: 'everything' });
    await first.close();
  });
});

test('who asks for the box of one epoch while it is being stopped waits for that, and makes no other', async () => {
  await using stage = await openStage();
  let reached: () => void = () => undefined;
  let goOn: () => void = () => undefined;
  const stopping = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const server = stage.server({
    blobs: {
      ...stage.blobs,
      put: async (...call) => {
        reached();
        await gate;
        return stage.blobs.put(...call);
      },
    },
  });
  const own = group();
  const box = await open(server, stage, own);
  await write(box, 'a', 'kept');
  const pausing = server.leases.pause(own, { force: true });
  await stopping;
  const late = open(stage.server(), stage, own, { expectedEpoch: 1 });
  late.catch(() => undefined);
  goOn();
  await pausing;
  await expect(late).rejects.toMatchObject({ code: 'fenced', started: 'no' });
  await box.close();
  expect(stage.cloud.asked.filter((asked) => asked.startsWith('create'))).toEqual([
    `create ${own.groupId} 1`,
  ]);
});
