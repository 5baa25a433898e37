import { expect, test } from 'vitest';
import { AUDIT_ACTIONS } from './audit.ts';
import { ROUTE_AUDIT } from './route-audit.ts';
import { ROUTE_PERMISSIONS } from './route-permissions.ts';

test('every route of the permission table has an audit decision, and no other has one', () => {
  expect(Object.keys(ROUTE_AUDIT).sort()).toEqual(Object.keys(ROUTE_PERMISSIONS).sort());
});

test('whatever creates, deletes, runs or ends something through a workspace is audited', () => {
  const files = /\/(?:fs|git)\//;
  for (const [route, decision] of Object.entries(ROUTE_AUDIT)) {
    const [method] = route.split(' ');
    // A window's size is no act; changed files are events of their session. What a device asks decides nothing.
    if (method === 'GET' || files.test(route) || route.endsWith('/resize')) continue;
    if (route.startsWith('POST /v1/enrollments/device/')) continue;
    expect(decision, route).not.toBeNull();
  }
});

test('attaching to what runs is audited, and every action but a refused access has a route', () => {
  expect(ROUTE_AUDIT['GET /v1/workspaces/:ws/sessions/:sid/terminal/pty/:ptyId/stream']).not.toBeNull();
  expect(ROUTE_AUDIT['GET /v1/workspaces/:ws/sessions/:sid/ops/:opId/stream']).not.toBeNull();
  const used = new Set(Object.values(ROUTE_AUDIT).map((decision) => decision?.action));
  expect(AUDIT_ACTIONS.filter((action) => !used.has(action))).toEqual(['access']);
});
