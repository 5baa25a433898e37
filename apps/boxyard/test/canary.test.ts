import { execFile } from 'node:child_process';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AuditEntry, CanaryReport, Readiness } from '@boxyard/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parsePrometheusText } from './prometheus-text.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';
import { cliArguments } from './test-server.ts';

const run = promisify(execFile);

let shared: SharedServer;
beforeAll(async () => {
  shared = await startSharedServer({ BOXYARD_CANARY_INTERVAL_MS: '200' });
});
afterAll(() => shared.stop());

async function sum(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
  const answer = await fetch(new URL('/metrics', shared.client.url), {
    headers: { authorization: `Bearer ${shared.token}` },
  });
  const samples = parsePrometheusText(await answer.text()).get(name)?.samples ?? [];
  return samples
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((total, { value }) => total + value, 0);
}

const readiness = async () =>
  (await (await fetch(new URL('/readyz', shared.client.url))).json()) as Readiness;

test('a run on its schedule tells metrics and readiness, and leaves no box, no session and no count of a user', async () => {
  await expect
    .poll(() => sum('boxyard_canary_runs_total', { backend: 'local', outcome: 'ok' }), { timeout: 30_000 })
    .toBeGreaterThanOrEqual(2);
  expect((await readiness()).checks).toMatchObject({ database: 'ok', 'canary.local': 'ok' });
  expect(await sum('boxyard_canary_last_success_timestamp_seconds')).toBeGreaterThan(1_700_000_000);
  // Its boxes are no user's: neither those that are up now nor those that were.
  expect(await sum('boxyard_boxes')).toBe(0);
  expect(await sum('boxyard_boxes_made_total')).toBe(0);
  expect(await sum('boxyard_lease_transitions_total')).toBe(0);
  expect(await sum('boxyard_ops_started_total')).toBe(0);
});

test('on demand it answers, is audited, and the command line passes its verdict on', async () => {
  const report = await shared.client.json<CanaryReport>('POST', '/v1/canary');
  expect(report).toMatchObject({ ok: true, results: [{ backend: 'local', ok: true, failure: null }] });
  const { stdout } = await run(
    process.execPath,
    cliArguments('--data-dir', shared.dataDir, 'canary', '-o', 'json'),
  );
  expect(JSON.parse(stdout)).toMatchObject({ ok: true });
  const told = await shared.client.json<{ items: AuditEntry[] }>(
    'GET',
    '/v1/workspaces/default/audit?action=canary.run',
  );
  expect(told.items.map(({ outcome }) => outcome)).toEqual(['done', 'done']);
});

test('only the operator may ask for it', async () => {
  const key = await shared.client.json<{ token: string }>('POST', '/v1/workspaces/default/keys', {
    body: { name: 'user', permissions: ['sessions:control', 'terminal:attach', 'audit:read'] },
  });
  const answer = await fetch(new URL('/v1/canary', shared.client.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${key.token}` },
  });
  expect(answer.status).toBe(403);
});

test('a backend that makes no boxes is told with the reason, the server stays ready, and it is noticed when it is well again', async () => {
  const boxes = join(shared.dataDir, 'boxes');
  await rename(boxes, `${boxes}.aside`);
  await writeFile(boxes, '');
  const failure = { code: expect.any(String), detail: expect.stringMatching(/\S/) };
  await expect
    .poll(() => shared.client.json<CanaryReport>('POST', '/v1/canary'), { timeout: 30_000 })
    .toMatchObject({ ok: false, results: [{ backend: 'local', ok: false, failure }] });
  const state = await readiness();
  expect(state.status).toBe('ready');
  expect(state.checks['canary.local']).toMatch(/^failed with [a-z-]+ at /);
  expect(await sum('boxyard_canary_runs_total', { outcome: 'failed' })).toBeGreaterThanOrEqual(1);
  await rm(boxes);
  await rename(`${boxes}.aside`, boxes);
  await expect.poll(async () => (await readiness()).checks['canary.local'], { timeout: 30_000 }).toBe('ok');
});
