import { eventually } from '@tooling/eventually';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SharedServer, startSharedServer } from './shared-server.ts';

const WORKSPACE = '/v1/workspaces/default';
const SESSIONS = `${WORKSPACE}/sessions`;
let shared: SharedServer;
beforeAll(async () => {
  shared = await startSharedServer({ BOXYARD_REAPER_PERIOD_MS: '200', BOXYARD_REQUEST_LINGER_MS: '100' });
});
afterAll(() => shared.stop());

/** As it is answered, whatever that is. */
const ask = (method: string, path: string, body?: object) =>
  fetch(new URL(path, shared.client.url), {
    method,
    headers: { authorization: `Bearer ${shared.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const create = async () => (await shared.client.json<{ id: string }>('POST', SESSIONS, { body: {} })).id;
const exec = (id: string, body: object) =>
  shared.client.json<{ stdout: string }>('POST', `${SESSIONS}/${id}/terminal/exec`, { body });
const livenessOf = async (id: string) =>
  (await shared.client.json<{ liveness: string }>('GET', `${SESSIONS}/${id}`)).liveness;
const setBudget = (warmSeconds: number | null) =>
  shared.client.json('PUT', `${WORKSPACE}/budget`, { body: { warmSeconds } });

interface Usage {
  readonly warmSeconds: number;
  readonly budget: { readonly warmSeconds: number | null; readonly usedSeconds: number };
}
interface BoxUsage {
  readonly warmSeconds: number;
  readonly intervals: readonly { readonly startedAt: string; readonly endedAt: string | null }[];
}
const usageOf = (id: string) => shared.client.json<BoxUsage>('GET', `${SESSIONS}/${id}/usage`);

test('a budget of nothing stops a busy box with its files, and nobody wakes it until there is more', async () => {
  const id = await create();
  await exec(id, { command: 'echo kept >file' });
  await exec(id, { command: 'sleep 600', background: true, waitMs: 0, timeoutMs: 600_000 });
  await setBudget(0);
  await eventually('the box is stopped', async () => (await livenessOf(id)) === 'cold');

  const { items } = await shared.client.json<{ items: { type: string; payload: object }[] }>(
    'GET',
    `${SESSIONS}/${id}/events?limit=1000`,
  );
  const paused = items.filter(({ type }) => type === 'sandbox.paused').map(({ payload }) => payload);
  expect(paused).toMatchObject([{ cause: 'budget', reason: expect.stringContaining('budget') }]);

  for (const path of ['terminal/exec', 'fs/read', 'fs/watch']) {
    const body = path === 'terminal/exec' ? { command: 'true' } : path === 'fs/read' ? { path: 'file' } : {};
    const response = await ask('POST', `${SESSIONS}/${id}/${path}`, body);
    expect(await response.json(), path).toMatchObject({
      status: 402,
      code: 'over-budget',
      retryable: false,
      started: 'no',
      detail: expect.stringContaining('its budget is 0 s'),
    });
  }
  expect(await livenessOf(id)).toBe('cold');

  await setBudget(1_000_000);
  expect((await exec(id, { command: 'cat file' })).stdout).toBe('kept\n');
  await setBudget(null);
});

test('usage says when a box was up, and counts it for its workspace', async () => {
  const id = await create();
  expect(await usageOf(id)).toMatchObject({ warmSeconds: 0, intervals: [] });
  await exec(id, { command: 'true' });
  const running = await usageOf(id);
  expect(running.intervals).toMatchObject([{ leaseEpoch: 1, provider: 'local', endedAt: null }]);
  await shared.client.json('POST', `${SESSIONS}/${id}/pause`, { body: { force: true } });
  const [interval] = (await usageOf(id)).intervals;
  const { warmSeconds } = await usageOf(id);
  const lasted = (Date.parse(interval?.endedAt ?? '') - Date.parse(interval?.startedAt ?? '')) / 1000;
  expect(warmSeconds).toBeCloseTo(lasted, 3);

  const workspace = await shared.client.json<Usage>('GET', `${WORKSPACE}/usage`);
  expect(workspace.warmSeconds).toBeGreaterThanOrEqual(warmSeconds);
  expect(workspace.budget).toMatchObject({ warmSeconds: null });
  const before = await shared.client.json<Usage>(
    'GET',
    `${WORKSPACE}/usage?from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z`,
  );
  expect(before.warmSeconds).toBe(0);
});

test('what is no time or no budget is refused', async () => {
  const status = async (method: string, path: string, body?: object) => {
    const response = await ask(method, path, body);
    await response.body?.cancel();
    return response.status;
  };
  const day = '2026-01-01T00:00:00Z';
  expect(await status('GET', `${WORKSPACE}/usage?from=yesterday`)).toBe(400);
  expect(await status('GET', `${WORKSPACE}/usage?from=${day}&to=${day}`)).toBe(400);
  expect(await status('GET', `${WORKSPACE}/usage?to=2020-01-01T00:00:00Z`)).toBe(400);
  expect(await status('PUT', `${WORKSPACE}/budget`, { warmSeconds: -1 })).toBe(400);
  expect(await status('PUT', `${WORKSPACE}/budget`, {})).toBe(400);
});
