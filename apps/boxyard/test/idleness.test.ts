import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SharedServer, startSharedServer } from './shared-server.ts';

const SESSIONS = '/v1/workspaces/default/sessions';
let shared: SharedServer;
beforeAll(async () => {
  shared = await startSharedServer({ BOXYARD_REAPER_PERIOD_MS: '200', BOXYARD_REQUEST_LINGER_MS: '100' });
});
afterAll(() => shared.stop());

const create = async (body: object) =>
  (await shared.client.json<{ id: string }>('POST', SESSIONS, { body })).id;
const exec = (id: string, body: object) =>
  shared.client.json<{ opId: string; stdout: string }>('POST', `${SESSIONS}/${id}/terminal/exec`, { body });
const livenessOf = async (id: string) =>
  (await shared.client.json<{ liveness: string }>('GET', `${SESSIONS}/${id}`)).liveness;
const isCold = (id: string) =>
  eventually(`the box of ${id} was stopped`, async () => (await livenessOf(id)) === 'cold');
const background = { background: true, waitMs: 0, timeoutMs: 600_000 };

test('an idle box is stopped by itself, a running command keeps one, and looking at it does not', async () => {
  const idle = await create({ idleTimeoutMs: 1000 });
  const busy = await create({ idleTimeoutMs: 1000 });
  await exec(idle, { command: 'echo kept >file' });
  const { opId } = await exec(busy, { command: 'sleep 600', ...background });
  const stop = new AbortController();
  const watching = shared.client
    .send('POST', `${SESSIONS}/${idle}/fs/watch`, { body: {}, signal: stop.signal })
    .then((response) => response.text())
    .catch(() => '');
  await isCold(idle);
  expect(await livenessOf(busy)).toBe('warm');
  stop.abort();
  await watching;
  // Told a moment after the box is cold.
  await eventually('it was told', async () => {
    const { items } = await shared.client.json<{ items: { type: string }[] }>(
      'GET',
      `${SESSIONS}/${idle}/events`,
    );
    return items.some(({ type }) => type === 'sandbox.paused');
  });

  expect((await exec(idle, { command: 'cat file' })).stdout).toBe('kept\n');
  await shared.client.json('POST', `${SESSIONS}/${busy}/ops/${opId}/kill`, { body: { graceMs: 0 } });
  await isCold(busy);
});

test('a box that has been up for its longest time is stopped even while something runs in it', async () => {
  const id = await create({ maxLifetimeMs: 1500 });
  await exec(id, { command: 'echo kept >file' });
  await exec(id, { command: 'sleep 600', ...background });
  await isCold(id);
  expect((await exec(id, { command: 'cat file' })).stdout).toBe('kept\n');
});

test('a terminal keeps its box, and closing it ends it although nothing else holds the box any more', async () => {
  const id = await create({ idleTimeoutMs: 1000 });
  const { ptyId } = await shared.client.json<{ ptyId: string }>('POST', `${SESSIONS}/${id}/terminal/pty`, {
    body: { shell: '/bin/sh' },
  });
  const other = await create({ idleTimeoutMs: 1000 });
  await exec(other, { command: 'true' });
  // By then the request that opened the terminal has long let go of its box too.
  await isCold(other);
  expect(await livenessOf(id)).toBe('warm');
  await shared.client.json('POST', `${SESSIONS}/${id}/terminal/pty/close`, { body: { ptyId } });
  await isCold(id);
});
