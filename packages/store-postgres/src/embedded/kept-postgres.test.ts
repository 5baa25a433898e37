import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@tooling/eventually';
import { v7 as uuidv7 } from 'uuid';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../open-store.ts';

test('a database that is killed under its server comes back with what was committed, and listening goes on', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-kept-'));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  const store = await openStore({ embedded: { dataDir } });
  onTestFinished(() => store.close());
  const workspace = { id: uuidv7(), slug: 'kept', createdAt: new Date() };
  await store.workspaces.create(workspace);
  let changes = 0;
  store.keys.subscribe(() => {
    changes += 1;
  });

  const answers = () =>
    store.ping().then(
      () => true,
      () => false,
    );
  for (let round = 0; round < 2; round++) {
    await eventually('it is ready', async () => (await postmasterFile(dataDir)) !== null);
    const file = await postmasterFile(dataDir);
    process.kill(Number(file?.split('\n')[0]), 'SIGKILL');
    await eventually('another one is ready', async () => {
      const again = await postmasterFile(dataDir);
      return again !== null && again !== file;
    });
    await eventually('it answers', answers);
    expect(await store.workspaces.find('kept')).toEqual(workspace);
  }

  const before = changes;
  await store.keys.create({
    id: uuidv7(),
    workspaceId: workspace.id,
    name: 'after',
    secretSha256: 'a'.repeat(64),
    permissions: ['files:read'],
    createdAt: new Date(),
    expiresAt: null,
    revokedAt: null,
  });
  await eventually('the change is heard of', () => changes > before);
});

/** Null until it is ready. Its first line is the pid; the start time in it tells one start from the next. */
async function postmasterFile(dataDir: string): Promise<string | null> {
  const text = await readFile(join(dataDir, 'cluster', 'postmaster.pid'), 'utf8').catch(() => '');
  return text.split('\n')[7]?.trim() === 'ready' ? text : null;
}
