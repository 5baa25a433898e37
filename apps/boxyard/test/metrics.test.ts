import { METRICS } from '@boxyard/server-parts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type MetricFamily, parsePrometheusText } from './prometheus-text.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';

const METRICS_TOKEN = 'scrape-me-please';
const sessions = '/v1/workspaces/default/sessions';

let shared: SharedServer;
beforeAll(async () => {
  shared = await startSharedServer({ BOXYARD_METRICS_TOKEN: METRICS_TOKEN });
});
afterAll(() => shared.stop());

const ask = (token?: string) =>
  fetch(new URL('/metrics', shared.client.url), {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });

async function scrape(): Promise<ReadonlyMap<string, MetricFamily>> {
  const answer = await ask(METRICS_TOKEN);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parsePrometheusText(await answer.text());
}

/** The sum over the series that have these labels. */
function sumOf(
  families: ReadonlyMap<string, MetricFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const samples = (families.get(name)?.samples ?? []).filter((sample) =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  return samples.reduce((sum, { value }) => sum + value, 0);
}

test('metrics open with their token or a key that may read them, and with nothing else', async () => {
  const made = (permissions: readonly string[]) =>
    shared.client.json<{ token: string }>('POST', '/v1/workspaces/default/keys', {
      body: { name: 'scraper', permissions },
    });
  const allowed = (await made(['metrics:read'])).token;
  const other = (await made(['sessions:read'])).token;
  const statuses = await Promise.all(
    [undefined, 'wrong-token', other, allowed, METRICS_TOKEN].map(async (token) => (await ask(token)).status),
  );
  expect(statuses).toEqual([401, 401, 403, 200, 200]);
  const elsewhere = await fetch(new URL(sessions, shared.client.url), {
    headers: { authorization: `Bearer ${METRICS_TOKEN}` },
  });
  expect(elsewhere.status).toBe(401);
});

test('what happens is counted, each under its documented name and kind', async () => {
  const before = await scrape();
  const { id } = await shared.client.json<{ id: string }>('POST', sessions, { body: {} });
  const session = `${sessions}/${id}`;
  await shared.client.json('POST', `${session}/terminal/exec`, { body: { command: 'echo hi > file' } });
  await shared.client.json('POST', `${session}/terminal/exec`, { body: { command: 'exit 3' } });
  await expect(
    shared.client.json('POST', `${session}/terminal/exec`, { body: { command: 'true', cwd: 'nowhere' } }),
  ).rejects.toMatchObject({ status: 404 });
  await expect.poll(async () => sumOf(await scrape(), 'boxyard_boxes'), { timeout: 30_000 }).toBe(1);
  await shared.client.json('POST', `${session}/pause`, { body: { force: true } });
  await shared.client.json('POST', `${session}/terminal/exec`, { body: { command: 'true' } });
  await shared.client.json('DELETE', session);

  const after = await scrape();
  const grown = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    sumOf(after, name, labels) - sumOf(before, name, labels);
  expect(grown('boxyard_ops_started_total')).toBe(4);
  expect(grown('boxyard_ops_ended_total', { outcome: 'done' })).toBe(3);
  expect(grown('boxyard_ops_ended_total', { outcome: 'not-started' })).toBe(1);
  expect(grown('boxyard_ops_ended_total', { outcome: 'unknown' })).toBe(0);
  expect(grown('boxyard_boxes_made_total', { outcome: 'created' })).toBe(1);
  expect(grown('boxyard_boxes_made_total', { outcome: 'resumed' })).toBe(1);
  expect(grown('boxyard_captures_total', { outcome: 'done' })).toBeGreaterThanOrEqual(1);
  expect(grown('boxyard_captured_bytes_total')).toBeGreaterThan(0);
  expect(grown('boxyard_lease_transitions_total', { from: 'cold', to: 'warming' })).toBe(2);
  expect(grown('boxyard_lease_transitions_total', { from: 'warming', to: 'warm' })).toBe(2);
  expect(grown('boxyard_boxes_destroyed_total', { outcome: 'done' })).toBe(1);
  expect(grown('boxyard_events_appended_total')).toBeGreaterThan(8);
  const route = 'POST /v1/workspaces/:ws/sessions/:sid/terminal/exec';
  const count = (families: ReadonlyMap<string, MetricFamily>, status: string) =>
    families
      .get('boxyard_http_request_duration_seconds')!
      .samples.filter(({ name, labels }) => name.endsWith('_count') && labels.route === route)
      .filter(({ labels }) => labels.status === status)
      .reduce((sum, { value }) => sum + value, 0);
  expect(count(after, '200')).toBe(3);
  expect(count(after, '404')).toBe(1);
  expect(sumOf(after, 'boxyard_database_up')).toBe(1);
});

test('every name that is served is documented with its kind, and every documented one is served', async () => {
  const served = await scrape();
  for (const [name, { type }] of served)
    expect(METRICS, name).toHaveProperty(name, expect.objectContaining({ kind: type }));
  const missing = Object.keys(METRICS).filter((name) => !served.has(name));
  // Told once there is something to tell: nothing failed in the background, and canary and machines are off here.
  const silent = Object.keys(METRICS).filter((name) =>
    /^boxyard_(?:canary|background_failures|relay)_/.test(name),
  );
  expect(silent).toEqual(expect.arrayContaining(missing));
  for (const [name, { help }] of served) expect(help, name).not.toBe('');
});

test('counters with known labels are there before anything happened', async () => {
  const served = await scrape();
  expect(
    served
      .get('boxyard_restores_total')
      ?.samples.map(({ labels }) => labels.kind)
      .sort(),
  ).toEqual(['EXACT', 'INCOMPLETE', 'STALE']);
});
