import { SandboxError } from '@boxyard/sandbox-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { group, open, openStage, read, SETTINGS, type Stage, state, write } from './stage.ts';

const HOUR_MS = 3_600_000;
let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

describe('draining', () => {
  test('captures a dirty box, destroys it, and the next open restores it exactly', async () => {
    const server = stage.server();
    const own = group();
    const first = await open(server, stage, own);
    await write(first, 'a', 'kept');
    const { instance } = first.box.ref;
    await first.close();
    await state(server, own.groupId, 'draining');
    await server.reaper.tick();
    expect(stage.cloud.machines.has(instance)).toBe(true);
    await stage.advance(HOUR_MS);
    await server.reaper.tick();
    expect(stage.cloud.machines.has(instance)).toBe(false);
    expect(await server.leases.inspect(own.groupId)).toMatchObject({
      state: 'cold',
      box: null,
      dirty: false,
      condemned: [],
    });
    expect(server.notices).toContainEqual(
      expect.objectContaining({
        type: 'stopped',
        groupId: own.groupId,
        reason: 'request let go',
        captured: true,
      }),
    );
    await using second = await open(server, stage, own);
    expect(second).toMatchObject({ epoch: 2, receipt: { kind: 'EXACT' } });
    expect(await read(second, 'a')).toBe('kept');
  });

  test.each([
    ['fails', new Error('disk full')],
    ['loses a command', new SandboxError('gone', 'The command is gone. Start it anew.')],
  ])('a capture that %s leaves the box running', async (_, failure) => {
    const server = stage.server({
      blobs: { ...stage.blobs, put: () => Promise.reject(failure) },
    });
    const own = group();
    const first = await open(server, stage, own);
    await write(first, 'a', 'kept');
    const { instance } = first.box.ref;
    await first.close();
    await state(server, own.groupId, 'draining');
    await stage.advance(HOUR_MS);
    await server.reaper.tick();
    const report = await server.leases.inspect(own.groupId);
    expect(report).toMatchObject({
      state: 'draining',
      dirty: true,
      reason: expect.stringContaining(failure.message),
    });
    expect(stage.cloud.machines.has(instance)).toBe(true);
    await using again = await open(stage.server(), stage, own);
    expect(again.box.ref.instance).toBe(instance);
  });

  test('a crashed process does not pin a box, and a viewer alone does not keep one', async () => {
    const server = stage.server();
    const own = group();
    const crashed = { kind: 'process', id: 'dead', attempt: 'dead', subject: 'server' } as const;
    const first = await open(server, stage, own);
    const viewer = await open(server, stage, own, { holder: { kind: 'viewer', id: 'tab', subject: 'user' } });
    await server.leases.context.apply(own.groupId, { type: 'acquire', holder: crashed });
    await first.close();
    await expect.poll(async () => (await server.leases.inspect(own.groupId))?.holders.length).toBe(2);
    expect(await server.leases.inspect(own.groupId)).toMatchObject({ state: 'warm' });
    await stage.advance(100_000);
    await server.reaper.tick();
    expect(await server.leases.inspect(own.groupId)).toMatchObject({
      state: 'draining',
      reason: expect.stringContaining('process'),
    });
    await viewer.close();
  });

  test('a person who gives input keeps the box for another idle grace', async () => {
    const server = stage.server();
    const own = group();
    const viewer = await open(server, stage, own, { holder: { kind: 'viewer', id: 'tab', subject: 'user' } });
    await state(server, own.groupId, 'draining');
    await viewer.gaveInput();
    await state(server, own.groupId, 'warm');
    await viewer.close();
  });

  test('a dirty box is captured while it is held', async () => {
    const server = stage.server();
    const own = group();
    await using turn = await open(server, stage, own, {
      holder: { kind: 'process', id: 'p', subject: 'user' },
    });
    await write(turn, 'a', '1');
    await stage.advance(70_000);
    await server.reaper.tick();
    expect(server.notices.map((notice) => notice.type)).toContain('captured');
    expect(await server.leases.inspect(own.groupId)).toMatchObject({
      state: 'warm',
      artifacts: [{ state: 'current' }],
    });
  });
});

describe('archives', () => {
  test('captures that end in reverse order keep the one that started last', async () => {
    const own = group();
    const { blobs } = stage;
    let finish = () => {};
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let reached = () => {};
    const storing = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const slow = stage.server({
      blobs: {
        ...blobs,
        put: async (...call) => {
          const stored = await blobs.put(...call);
          reached();
          await gate;
          return stored;
        },
      },
    });
    const server = stage.server();
    await using box = await open(server, stage, own);
    await write(box, 'a', 'old');
    const late = slow.leases.capture(own);
    await storing;
    await write(box, 'a', 'new');
    await server.leases.capture(own);
    finish();
    await late;
    const { artifacts = [] } = (await server.leases.inspect(own.groupId)) ?? {};
    expect(artifacts.map((artifact) => artifact.state)).toEqual(['current', 'previous']);
    stage.cloud.kill(box.box.ref.instance);
    await expect(box.box.files.read('a')).rejects.toMatchObject({ code: 'gone' });
    await using restored = await open(server, stage, own);
    expect(await read(restored, 'a')).toBe('new');
  });

  test('a truncated one is never an empty workspace: the older one is taken and what is missing is named', async () => {
    const server = stage.server();
    const own = group();
    const first = await open(server, stage, own);
    await write(first, 'a', '1');
    await server.leases.capture(own);
    await write(first, 'b', '2');
    await first.close();
    await server.leases.pause(own);
    const { artifacts = [] } = (await server.leases.inspect(own.groupId)) ?? {};
    const [current, previous] = artifacts.map((artifact) => artifact.archiveKey);
    stage.blobs.content.set(current!, stage.blobs.content.get(current!)!.slice(0, -3));
    const second = await open(server, stage, own);
    expect(second.receipt).toEqual({ kind: 'INCOMPLETE', missing: ['b'] });
    expect(await read(second, 'a')).toBe('1');
    stage.cloud.kill(second.box.ref.instance);
    await expect(second.box.files.read('a')).rejects.toMatchObject({ code: 'gone' });
    await second.close();
    stage.blobs.content.delete(previous!);
    await expect(open(server, stage, own)).rejects.toMatchObject({ code: 'invalid' });
    expect([...stage.cloud.machines.values()].filter(({ tag }) => tag?.group === own.groupId)).toEqual([]);
  });

  test('bytes that nobody needs any more are deleted', async () => {
    const server = stage.server();
    const own = group();
    await using box = await open(server, stage, own);
    for (const text of ['1', '2', '3', '4']) {
      await write(box, 'a', text);
      await server.leases.capture(own);
    }
    await server.reaper.tick();
    const kept = [...stage.blobs.content.keys()].filter((key) => key.includes(own.groupId));
    // The current and the previous archive, each with its manifest.
    expect(kept).toHaveLength(4);
    await server.leases.destroy(own);
    await server.reaper.tick();
    expect([...stage.blobs.content.keys()].filter((key) => key.includes(own.groupId))).toEqual([]);
  });
});

describe('pausing and deleting', () => {
  test('a pause is refused while somebody keeps the box, and told to them when it is forced', async () => {
    const server = stage.server();
    const own = group();
    const first = await open(server, stage, own);
    await write(first, 'a', 'kept');
    await expect(server.leases.pause(own)).rejects.toMatchObject({ code: 'conflict' });
    await stage.server().leases.pause(own, { force: true });
    await expect.poll(() => first.lost.aborted, { timeout: 30_000 }).toBe(true);
    await first.close();
    expect(await server.leases.inspect(own.groupId)).toMatchObject({ state: 'cold', dirty: false });
    await using second = await open(server, stage, own);
    expect(second.receipt).toEqual({ kind: 'EXACT' });
    expect(await read(second, 'a')).toBe('kept');
  });

  test('a pause of nothing is done', async () => {
    const server = stage.server();
    await server.leases.pause(group());
    const own = group();
    await (await open(server, stage, own)).close();
    await server.leases.pause(own);
    await server.leases.pause(own);
    expect(await server.leases.inspect(own.groupId)).toMatchObject({ state: 'cold' });
  });

  test('deletion works while a box is being made and leaves nothing', async () => {
    const own = group();
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
    const opening = open(slow, stage, own);
    const server = stage.server();
    await state(server, own.groupId, 'warming');
    await server.leases.destroy(own);
    let_go();
    await expect(opening).rejects.toMatchObject({ code: 'not-found' });
    await expect(open(server, stage, own)).rejects.toMatchObject({ code: 'not-found' });
    await server.reaper.tick();
    expect([...stage.cloud.machines.values()].filter(({ tag }) => tag?.group === own.groupId)).toEqual([]);
  });

  test('deletion works while a box is used, and again, and what cannot be destroyed is destroyed later', async () => {
    const server = stage.server();
    const own = group();
    const first = await open(server, stage, own);
    const { instance } = first.box.ref;
    stage.cloud.stuck = true;
    await server.leases.destroy(own);
    stage.cloud.stuck = false;
    expect(await server.leases.inspect(own.groupId)).toBeNull();
    expect(stage.cloud.machines.has(instance)).toBe(true);
    await server.leases.destroy(own);
    await expect.poll(() => first.lost.aborted, { timeout: 30_000 }).toBe(true);
    await stage.advance(HOUR_MS);
    await server.reaper.tick();
    expect(stage.cloud.machines.has(instance)).toBe(false);
  });
});

test('a provider that never answers a destruction holds nobody up, and is asked again', async () => {
  const own = group();
  const { provider } = stage.cloud;
  const server = stage.server({
    provider: { ...provider, destroy: () => new Promise<never>(() => {}) },
    settings: { ...SETTINGS, destroyDeadlineMs: 20 },
  });
  const opened = await open(server, stage, own);
  const { instance } = opened.box.ref;
  await server.leases.destroy(own);
  expect(server.notices).toContainEqual(expect.objectContaining({ type: 'destroy-failed', attempts: 1 }));
  await stage.advance(HOUR_MS);
  await stage.server().reaper.tick();
  expect(stage.cloud.machines.has(instance)).toBe(false);
});

describe('the sweep', () => {
  test('destroys only what is ours and what no lease names', async () => {
    const server = stage.server();
    const own = group();
    await using live = await open(server, stage, own);
    const { provider, machines } = stage.cloud;
    const make = async (deployment: string, of: string, epoch: number) => {
      const box = await provider.create({ tag: { deployment, group: of, epoch }, environment: {} });
      return box.ref.instance;
    };
    const orphan = await make('test', group().groupId, 1);
    const ahead = await make('test', own.groupId, 7);
    const foreign = await make('another', own.groupId, 1);
    const bare = await make('test', group().groupId, 1);
    machines.get(bare)!.tag = null;
    const verdicts = new Map((await server.sweep.plan()).boxes.map((box) => [box.ref.instance, box.verdict]));
    expect(
      Object.fromEntries(
        [orphan, ahead, foreign, bare, live.box.ref.instance].map((one) => [one, verdicts.get(one)]),
      ),
    ).toEqual({
      [orphan]: 'orphan',
      [ahead]: 'ahead',
      [foreign]: 'foreign',
      [bare]: 'untagged',
      [live.box.ref.instance]: 'named',
    });
    const before = new Set(machines.keys());
    for (let round = 0; round < 5; round += 1) await server.sweep.run();
    const after = new Set(machines.keys());
    expect([...before].filter((instance) => !after.has(instance))).toEqual([orphan]);
    for (const instance of [ahead, foreign, bare]) stage.cloud.kill(instance);
  });

  test('refuses to run when leases cannot be read', async () => {
    const { leases } = stage.store;
    const blind = stage.server({
      store: new Proxy(leases, {
        get: (target, name) =>
          name === 'list'
            ? () => Promise.reject(new SandboxError('unreachable', 'No answer. Try again.'))
            : Reflect.get(target, name).bind(target),
      }),
    });
    const tag = { deployment: 'test', group: group().groupId, epoch: 1 };
    const box = await stage.cloud.provider.create({ tag, environment: {} });
    await expect(blind.sweep.run()).rejects.toMatchObject({ code: 'unreachable' });
    expect(stage.cloud.machines.has(box.ref.instance)).toBe(true);
    stage.cloud.kill(box.ref.instance);
  });
});
