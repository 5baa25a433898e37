import { openTestStore } from '@boxyard/store-postgres/testing';
import { expect, onTestFinished, test } from 'vitest';
import { ensureDefaultWorkspace, ensureFirstKey } from '../src/server/first-key.ts';
import { temporaryDataDir } from './test-server.ts';

test('servers that start on one database at the same time share its workspace and a preset first key', async () => {
  const store = await openTestStore();
  onTestFinished(() => store.close());
  const dataDir = await temporaryDataDir();
  const start = async () => {
    const workspace = await ensureDefaultWorkspace(store.workspaces);
    return {
      id: workspace.id,
      token: await ensureFirstKey(dataDir, 'preset-token-1234', store.keys, workspace),
    };
  };
  const started = await Promise.all(Array.from({ length: 8 }, start));
  expect(new Set(started.map(({ id }) => id)).size).toBe(1);
  expect(new Set(started.map(({ token }) => token))).toEqual(new Set(['preset-token-1234']));
  expect(await store.keys.list(started[0]!.id)).toHaveLength(1);
});
