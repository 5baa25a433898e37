// What users of such systems lose sleep over, where leases decide it. The numbers are those of the requirements.
import type { ArchiveManifest } from '@boxyard/sandbox-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { group, open, openStage, read, type Server, type Stage, write } from './stage.ts';

const HOUR_MS = 3_600_000;
const FILES = 200;
let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

type Own = ReturnType<typeof group>;

async function manifestOf(server: Server, own: Own): Promise<ArchiveManifest> {
  await using box = await open(server, stage, own);
  const { archives } = box.box.capabilities;
  if (!archives.available) throw new Error('MemoryBox has archives');
  const packed = await archives.use.pack();
  await packed.stream.pipeTo(new WritableStream());
  return packed.manifest;
}

test('R1: ten cycles of idle stop, dead box and end of life lose nothing silently', {
  timeout: 120_000,
}, async () => {
  const lifetimeMs = 10 * HOUR_MS;
  const server = stage.server();
  const own = group();
  const spec = { backend: 'docker', lifetimeMs } as const;
  const box = await open(server, stage, own, { spec });
  await box.markDirty();
  const made = await box.box.exec({
    program: { script: 'mkdir -p src; echo x > src/run.sh; chmod 755 src/run.sh; ln -s run.sh src/link' },
  });
  expect(made.exitCode).toBe(0);
  for (let file = 0; file < FILES; file += 1)
    await box.box.files.write(`f${file}`, new TextEncoder().encode(`${file}`));
  await box.close();

  for (let cycle = 0; cycle < 10; cycle += 1) {
    const way = (['idle', 'killed', 'lifetime'] as const)[cycle % 3];
    const turn = await open(server, stage, own, {
      spec,
      holder: { kind: 'turn', id: 'turn', subject: 'user' },
    });
    await write(turn, `cycle-${cycle}`, way ?? '');
    await server.leases.capture(own);
    const before = await manifestOf(server, own);
    if (way === 'killed') {
      await write(turn, 'newer', `${cycle}`);
      stage.cloud.kill(turn.box.ref.instance);
      await expect(turn.box.files.read('newer')).rejects.toMatchObject({ code: 'gone' });
      await turn.close();
    } else {
      if (way === 'idle') await turn.close();
      await stage.advance(way === 'idle' ? HOUR_MS : lifetimeMs);
      await server.reaper.tick();
      await stage.advance(HOUR_MS);
      await server.reaper.tick();
      expect((await server.leases.inspect(own.groupId))?.state).toBe('cold');
      await turn.close();
    }
    const after = await open(server, stage, own, { spec });
    const { receipt } = after;
    expect({ cycle, receipt }).toMatchObject({
      cycle,
      receipt: { kind: way === 'killed' ? 'STALE' : 'EXACT' },
    });
    if (way === 'killed') await expect(read(after, 'newer')).rejects.toMatchObject({ code: 'not-found' });
    await after.close();
    expect(await manifestOf(server, own)).toEqual(before);
  }
});

test('R2: after a hundred sweeps exactly the own orphan is gone', { timeout: 120_000 }, async () => {
  const server = stage.server();
  const own = group();
  await using live = await open(server, stage, own);
  const { provider, machines } = stage.cloud;
  const make = async (deployment: string, of: string) =>
    (await provider.create({ tag: { deployment, group: of, epoch: 1 }, environment: {} })).ref.instance;
  const orphan = await make('test', group().groupId);
  const neighbour = await make('another', group().groupId);
  const foreign = await make('not a tag of ours', own.groupId);
  // Its provider lost the tag of a box that is in use.
  const tags = machines.get(live.box.ref.instance);
  if (tags !== undefined) tags.tag = null;
  const before = [...machines.keys()];
  const replica = stage.server();
  for (let sweep = 0; sweep < 50; sweep += 1) await Promise.all([server.sweep.run(), replica.sweep.run()]);
  const left = [...machines.keys()];
  expect(before.filter((instance) => !left.includes(instance))).toEqual([orphan]);
  await write(live, 'a', 'alive');
  for (const instance of [neighbour, foreign]) stage.cloud.kill(instance);
});

test('R9: a box that died out of band is replaced once for three replicas, and its id is never used again', async () => {
  const own = group();
  const replicas = [stage.server(), stage.server(), stage.server()];
  const [first] = replicas;
  const box = await open(first!, stage, own);
  await write(box, 'a', 'kept');
  await first!.leases.capture(own);
  const held = await Promise.all(replicas.map((replica) => open(replica, stage, own)));
  const dead = box.box.ref.instance;
  stage.cloud.kill(dead);

  const recovered = await Promise.all(
    replicas.map(async (replica, place) => {
      await expect(held[place]!.box.files.read('a')).rejects.toMatchObject({ code: 'gone' });
      const again = await open(replica, stage, own);
      return { text: await read(again, 'a'), instance: again.box.ref.instance, again };
    }),
  );
  expect(recovered.map(({ text }) => text)).toEqual(['kept', 'kept', 'kept']);
  expect(new Set(recovered.map(({ instance }) => instance)).size).toBe(1);
  expect(recovered[0]?.instance).not.toBe(dead);
  // Who still has the old handle is refused by it; nothing of it reaches the provider.
  const asked = stage.cloud.asked.length;
  for (const { box: old } of [box, ...held])
    await expect(old.exec({ program: { script: 'true' } })).rejects.toMatchObject({ name: 'SandboxError' });
  for (const { again } of recovered)
    expect((await again.box.exec({ program: { script: 'true' } })).exitCode).toBe(0);
  expect(stage.cloud.asked.slice(asked).filter((line) => line.includes(dead))).toEqual([]);
  for (const each of [box, ...held, ...recovered.map(({ again }) => again)]) await each.close();
});

test('R11: fifty commands during a capture all succeed, and the capture too', async () => {
  const own = group();
  const { blobs } = stage;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const capturing = stage.server({
    blobs: {
      ...blobs,
      put: async (...call) => {
        begin();
        await finished;
        return blobs.put(...call);
      },
    },
  });
  const server = stage.server();
  await using box = await open(server, stage, own);
  await write(box, 'a', 'kept');
  const capture = capturing.leases.capture(own);
  await begun;
  const run = async (command: number) => {
    const { exitCode } = await box.box.exec({ program: { script: `echo ${command} > c${command}` } });
    return exitCode;
  };
  const together = await Promise.all(Array.from({ length: 40 }, (_, command) => run(command)));
  const alone: number[] = [];
  for (let command = 40; command < 50; command += 1) alone.push(await run(command));
  finish();
  expect(await capture).toBe(true);
  expect([...together, ...alone]).toEqual(Array.from({ length: 50 }, () => 0));
  expect((await server.leases.inspect(own.groupId))?.artifacts).toMatchObject([{ state: 'current' }]);
});
