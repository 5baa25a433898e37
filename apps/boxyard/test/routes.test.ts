import { ROUTE_PERMISSIONS } from '@boxyard/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SharedServer, startSharedServer } from './shared-server.ts';

interface OpenApi {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>;
  readonly components: Readonly<Record<string, Record<string, unknown>>>;
}

let shared: SharedServer;
let document: OpenApi;
beforeAll(async () => {
  shared = await startSharedServer();
  document = (await (await fetch(new URL('/v1/openapi.json', shared.client.url))).json()) as OpenApi;
});
afterAll(() => shared.stop());

const served = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
  );

test('every route of the permission table is served and documented, and no other', () => {
  expect(served().sort()).toEqual(Object.keys(ROUTE_PERMISSIONS).sort());
});

test('every route that needs a key refuses a request without one', async () => {
  for (const [route, grant] of Object.entries(ROUTE_PERMISSIONS)) {
    if (grant === 'none') continue;
    const [method, path] = route.split(' ') as [string, string];
    const response = await fetch(new URL(path.replaceAll(/:\w+/g, 'x'), shared.client.url), { method });
    expect(response.status, route).toBe(401);
    expect(response.headers.get('content-type'), route).toBe('application/problem+json');
    await response.body?.cancel();
  }
});

test('the document names every operation once and every reference in it leads somewhere', () => {
  expect(document.openapi).toBe('3.1.0');
  const ids = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
  const references = JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g);
  for (const [, reference] of references) {
    const [, section = '?', name = '?'] = /^#\/components\/(\w+)\/(\w+)(?:\/|$)/.exec(reference!) ?? [];
    expect(document.components, reference).toHaveProperty([section, name]);
  }
});

test('a page to read the API is served with all that it needs, from this server alone', async () => {
  const page = await fetch(new URL('/v1/docs', shared.client.url));
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  const html = await page.text();
  for (const [, asset] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
    expect(asset).toMatch(/^\/v1\//);
    expect((await fetch(new URL(asset!, shared.client.url))).status, asset).toBe(200);
  }
});

test('health and readiness are open and true', async () => {
  const health = await fetch(new URL('/healthz', shared.client.url));
  expect(await health.json()).toEqual({ status: 'ok' });
  const ready = await fetch(new URL('/readyz', shared.client.url));
  expect(ready.status).toBe(200);
  const body = (await ready.json()) as { status: string; dataSizeBytes: number };
  expect(body.status).toBe('ready');
  expect(body.dataSizeBytes).toBeGreaterThan(0);
});
