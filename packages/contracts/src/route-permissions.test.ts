import { expect, test } from 'vitest';
import { Permission } from './permission.ts';
import { ROUTE_PERMISSIONS } from './route-permissions.ts';

const session = '/v1/workspaces/:ws/sessions/:sid';
const routes = Object.entries(ROUTE_PERMISSIONS);

test('what is open to everybody tells nothing about a workspace', () => {
  expect(routes.filter(([, grant]) => grant === 'none').map(([route]) => route)).toEqual([
    'GET /healthz',
    'GET /readyz',
    'GET /v1/openapi.json',
    'GET /v1/docs',
    'GET /v1/docs/:asset',
    'POST /v1/enrollments/device/start',
    'POST /v1/enrollments/device/poll',
    'POST /v1/enrollments/device/lookup',
    'POST /v1/enrollments/token/exchange',
    'POST /v1/enrollments/refresh',
  ]);
});

test('every grant is a permission that a key can carry', () => {
  for (const [route, grant] of routes) {
    expect(grant === 'none' || grant === 'any' || Permission.options.includes(grant), route).toBe(true);
  }
});

test('nothing that changes files or runs commands opens with a permission to read', () => {
  const readers = ['files:read', 'sessions:read', 'stream:view', 'any', 'none'];
  const readingPosts = ['list', 'read', 'stat', 'watch', 'status', 'diff', 'log', 'show'];
  for (const [route, grant] of routes) {
    const reads = route.startsWith('GET ') || readingPosts.some((name) => route.endsWith(`/${name}`));
    // Each of them is opened by what its body holds.
    const ownToken = route.startsWith('POST /v1/enrollments/');
    if (!reads && !ownToken) expect(readers, route).not.toContain(grant);
  }
});

test.each([
  [`POST ${session}/fs/list`, 'files:read'],
  [`PUT ${session}/fs/content`, 'files:write'],
  [`PUT ${session}/fs/archive`, 'files:write'],
  [`GET ${session}/fs/archive`, 'files:read'],
  [`POST ${session}/git/show`, 'files:read'],
  [`GET ${session}/ports/:port`, 'stream:view'],
  [`POST ${session}/terminal/exec`, 'terminal:attach'],
  [`GET ${session}/ops/:opId/stream`, 'terminal:attach'],
  [`POST ${session}/terminal/pty/close`, 'terminal:attach'],
  [`DELETE ${session}`, 'sessions:control'],
  ['POST /v1/workspaces/:ws/keys', 'keys:manage'],
])('%s needs %s', (route, grant) => {
  expect(ROUTE_PERMISSIONS).toHaveProperty([route], grant);
});
