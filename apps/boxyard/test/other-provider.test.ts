// A workspace goes where its group goes: from one provider's box into another's, through its archive.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderBlobStore } from '@boxyard/blobs';
import type { Backend } from '@boxyard/contracts';
import { BoxLeases, type OpenBox, Reaper, Sweep } from '@boxyard/leases';
import { localProvider } from '@boxyard/providers-local';
import { MemoryAccount, memoryProvider } from '@boxyard/sandbox-conformance';
import { BACKEND_TABLE, createBackendRegistry, unavailable } from '@boxyard/sandbox-core';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';

let dir: string;
let store: TestStore;
let leases: BoxLeases;
const account = new MemoryAccount();

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'boxyard-other-provider-'));
  store = await openTestStore();
  leases = new BoxLeases({
    deployment: 'test',
    store: store.leases,
    ledger: store.artifacts,
    blobs: folderBlobStore({ dir: join(dir, 'blobs') }),
    providers: createBackendRegistry({
      local: localProvider({ dataDir: dir, maxSpoolBytes: 100_000_000 }),
      // Boxes that are destroyed when they stop, in the place of those of an engine.
      docker: {
        ...memoryProvider({ account }),
        descriptor: BACKEND_TABLE.docker,
        parking: unavailable('These boxes are destroyed.'),
      },
    }),
    settings: { lingerMs: 1 },
  });
});
afterAll(async () => {
  await leases.close();
  await store.close();
  await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
});

const newGroup = () => ({ groupId: uuidv7(), workspaceId: uuidv7() });
type Group = ReturnType<typeof newGroup>;

const open = (group: Group, backend: Backend) =>
  leases.open({ ...group, holder: { kind: 'turn', id: uuidv7(), subject: 'user' }, spec: { backend } });

async function write(box: OpenBox, path: string, text: string): Promise<void> {
  await box.markDirty();
  await box.box.files.write(path, new TextEncoder().encode(text));
}
const read = async ({ box }: OpenBox, path: string) => new TextDecoder().decode(await box.files.read(path));

/** Lets the box end, so that the next one may be of another provider. */
async function rest(box: OpenBox, group: Group): Promise<void> {
  await box.close();
  await leases.pause(group);
}

test.each([
  { from: 'local', to: 'docker' },
  { from: 'docker', to: 'local' },
] as const)(
  'a group that moves from $from to $to finds its files, and leaves no box behind',
  async ({ from, to }) => {
    const group = newGroup();
    const first = await open(group, from);
    await first.markDirty();
    const script = 'mkdir notes; echo "#!/bin/sh" > run.sh; chmod 755 run.sh; ln -s run.sh link';
    expect((await first.box.exec({ program: { script } })).exitCode).toBe(0);
    await write(first, 'notes/a', 'kept');
    await rest(first, group);

    const second = await open(group, to);
    expect(second.box.ref.provider).not.toBe(first.box.ref.provider);
    expect(second.receipt).toEqual({ kind: 'EXACT' });
    expect(await read(second, 'notes/a')).toBe('kept');
    const seen = await second.box.exec({ program: { script: 'cat link' } });
    expect(new TextDecoder().decode(seen.stdout)).toBe('#!/bin/sh\n');
    await write(second, 'notes/b', 'added there');
    await rest(second, group);

    const third = await open(group, from);
    expect(third.receipt).toEqual({ kind: 'EXACT' });
    expect(await read(third, 'notes/b')).toBe('added there');
    await third.close();
    await leases.destroy(group);
    await new Reaper(leases.context).tick();
    const { boxes } = await new Sweep(leases.context).plan();
    expect(boxes.filter(({ tag }) => tag?.group === group.groupId)).toEqual([]);
  },
);

test('when the box is gone, the other provider gets what was captured last, and the receipt says what it lacks', async () => {
  const group = newGroup();
  const first = await open(group, 'docker');
  await write(first, 'a', 'captured');
  await leases.capture(group);
  await write(first, 'b', 'never captured');
  account.destroy(first.box.ref.instance);
  await expect(first.box.files.read('a')).rejects.toMatchObject({ code: 'gone' });
  await first.close();
  const second = await open(group, 'local');
  expect(second.receipt).toMatchObject({ kind: 'STALE' });
  expect(await read(second, 'a')).toBe('captured');
  await expect(read(second, 'b')).rejects.toMatchObject({ code: 'not-found' });
  await second.close();
  await leases.destroy(group);
});

test('without any archive the other provider gives a fresh box that says so', async () => {
  const group = newGroup();
  const first = await open(group, 'docker');
  await write(first, 'a', 'never captured');
  account.destroy(first.box.ref.instance);
  await expect(first.box.files.read('a')).rejects.toMatchObject({ code: 'gone' });
  await first.close();
  const second = await open(group, 'local');
  expect(second.receipt).toEqual({ kind: 'INCOMPLETE', missing: 'everything' });
  await second.close();
  await leases.destroy(group);
});
