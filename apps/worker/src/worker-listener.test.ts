import { expect, onTestFinished, test } from 'vitest';
import { startWorkerListener } from './worker-listener.ts';

async function start(metricsToken: string | null = null, port = 0) {
  const draining = new AbortController();
  const listener = await startWorkerListener({
    port,
    draining: draining.signal,
    turnsRunning: () => 3,
    renderMetrics: async () => 'up 1\n',
    metricsToken,
  });
  onTestFinished(() => listener[Symbol.asyncDispose]());
  const ask = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(new URL(path, listener.url), init);
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  };
  return { listener, draining, ask };
}

test('a worker is ready until it is asked to end', async () => {
  const { draining, ask } = await start();
  expect(await ask('/healthz')).toMatchObject({ status: 200, text: '{"status":"ready","turnsRunning":3}' });
  draining.abort();
  expect(await ask('/healthz')).toMatchObject({
    status: 503,
    text: '{"status":"draining","turnsRunning":3}',
  });
});

test('its metrics are for everybody on the machine, or for who has the token', async () => {
  const open = await start();
  const told = { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', text: 'up 1\n' };
  expect(await open.ask('/metrics')).toEqual(told);
  expect(await open.ask('/metrics', { method: 'HEAD' })).toEqual({ ...told, text: '' });
  const { ask } = await start('a-token-of-metrics');
  const shown = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  expect((await ask('/metrics')).status).toBe(401);
  expect((await ask('/metrics', shown('another'))).status).toBe(401);
  expect(await ask('/metrics', shown('a-token-of-metrics'))).toEqual(told);
  expect((await ask('/healthz')).status).toBe(200);
});

test('it has nothing else, and changes nothing', async () => {
  const { ask } = await start();
  expect((await ask('/v1/workspaces')).status).toBe(404);
  expect((await ask('/metrics', { method: 'POST' })).status).toBe(405);
});

test('a port that is taken is a matter of configuration', async () => {
  const { listener } = await start();
  await expect(start(null, Number(new URL(listener.url).port))).rejects.toMatchObject({
    code: 'configuration',
    message: expect.stringContaining('BOXYARD_WORKER_PORT'),
  });
});
