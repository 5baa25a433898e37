// Servers on one database name their boxes alike, and each sees only the local boxes of its own data folder.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderBlobStore } from '@boxyard/blobs';
import { BoxLeases, Reaper, Sweep } from '@boxyard/leases';
import { localProvider } from '@boxyard/providers-local';
import { createBackendRegistry } from '@boxyard/sandbox-core';
import { openTestStore } from '@boxyard/store-postgres/testing';
import { v7 as uuidv7 } from 'uuid';
import { expect, onTestFinished, test } from 'vitest';

const HOUR_MS = 3_600_000;

test('a server neither sweeps nor forgets a local box that only another one can see', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'boxyard-two-folders-'));
  const store = await openTestStore();
  onTestFinished(async () => {
    await store.close();
    await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  });
  const deployment = await store.deploymentId(uuidv7());
  const server = (name: string) => {
    const leases = new BoxLeases({
      deployment,
      store: store.leases,
      ledger: store.artifacts,
      blobs: folderBlobStore({ dir: join(dir, 'blobs') }),
      providers: createBackendRegistry({ local: localProvider({ dataDir: join(dir, name) }) }),
      settings: { lingerMs: 1 },
    });
    const sweep = new Sweep(leases.context);
    return { leases, sweep, reaper: new Reaper(leases.context, { sweep }) };
  };
  const [one, other] = [server('one'), server('other')];
  const group = { groupId: uuidv7(), workspaceId: 'w' };
  const request = {
    ...group,
    holder: { kind: 'request', subject: 'user' },
    spec: { backend: 'local' },
  } as const;
  const instances = async () => (await one.sweep.plan()).boxes.map(({ ref }) => ref.instance);

  const box = await one.leases.open(request);
  await other.sweep.run();
  await expect(other.leases.open(request)).rejects.toMatchObject({ code: 'unreachable' });
  expect((await box.box.exec({ program: { script: 'true' } })).exitCode).toBe(0);
  await box.close();

  // Deleted where the folder cannot be seen: it stays condemned until a server that has it destroys it.
  await other.leases.destroy(group);
  let hours = 0;
  const laterTick = async ({ reaper }: ReturnType<typeof server>) => {
    hours += 1;
    await store.setClockOffset(hours * HOUR_MS);
    await reaper.tick();
  };
  for (let ticks = 0; ticks < 4; ticks += 1) await laterTick(other);
  expect(await instances()).toEqual([group.groupId]);
  expect(await store.leases.allCondemned(10)).toMatchObject([{ groupId: group.groupId }]);
  for (let ticks = 0; ticks < 2; ticks += 1) await laterTick(one);
  expect(await instances()).toEqual([]);
  expect(await store.leases.allCondemned(10)).toEqual([]);
  for (const { leases } of [one, other]) await leases.close();
});
