import type { Permission } from './permission.ts';

/** `none`: open to everybody. `any`: whoever shows a valid key. */
export type RouteGrant = Permission | 'none' | 'any';

const workspace = '/v1/workspaces/:ws';
const session = `${workspace}/sessions/:sid` as const;

/**
 * The one table from a route to what it needs. The server refuses to serve a route that is not here, so a
 * forgotten entry is a failing test and never an open door.
 */
export const ROUTE_PERMISSIONS = {
  'GET /healthz': 'none',
  'GET /readyz': 'none',
  'GET /v1/openapi.json': 'none',
  'GET /v1/docs': 'none',
  'GET /v1/docs/:asset': 'none',

  'GET /v1/workspaces': 'any',
  'POST /v1/workspaces': 'workspaces:manage',
  [`GET ${workspace}`]: 'any',
  [`GET ${workspace}/keys`]: 'keys:manage',
  [`POST ${workspace}/keys`]: 'keys:manage',
  [`DELETE ${workspace}/keys/:keyId`]: 'keys:manage',

  [`POST ${workspace}/sessions`]: 'sessions:control',
  [`GET ${workspace}/sessions`]: 'sessions:read',
  [`GET ${session}`]: 'sessions:read',
  [`DELETE ${session}`]: 'sessions:control',
  [`POST ${session}/pause`]: 'sessions:control',
  [`GET ${session}/events`]: 'sessions:read',
  [`GET ${session}/stream-capabilities`]: 'sessions:read',

  [`POST ${session}/fs/list`]: 'files:read',
  [`POST ${session}/fs/read`]: 'files:read',
  [`POST ${session}/fs/stat`]: 'files:read',
  [`POST ${session}/fs/watch`]: 'files:read',
  [`POST ${session}/fs/write`]: 'files:write',
  [`POST ${session}/fs/delete`]: 'files:write',
  [`POST ${session}/fs/move`]: 'files:write',
  [`POST ${session}/fs/mkdir`]: 'files:write',
  [`GET ${session}/fs/content`]: 'files:read',
  [`PUT ${session}/fs/content`]: 'files:write',
  [`GET ${session}/fs/archive`]: 'files:read',
  [`PUT ${session}/fs/archive`]: 'files:write',

  [`POST ${session}/git/status`]: 'files:read',
  [`POST ${session}/git/diff`]: 'files:read',
  [`POST ${session}/git/log`]: 'files:read',
  [`POST ${session}/git/show`]: 'files:read',

  [`GET ${session}/ports/:port`]: 'stream:view',

  [`POST ${session}/terminal/exec`]: 'terminal:attach',
  [`GET ${session}/ops`]: 'terminal:attach',
  [`GET ${session}/ops/:opId`]: 'terminal:attach',
  [`GET ${session}/ops/:opId/stream`]: 'terminal:attach',
  [`POST ${session}/ops/:opId/stdin`]: 'terminal:attach',
  [`POST ${session}/ops/:opId/kill`]: 'terminal:attach',
  [`POST ${session}/terminal/pty`]: 'terminal:attach',
  [`GET ${session}/terminal/pty`]: 'terminal:attach',
  [`GET ${session}/terminal/pty/:ptyId/stream`]: 'terminal:attach',
  [`POST ${session}/terminal/pty/write`]: 'terminal:attach',
  [`POST ${session}/terminal/pty/resize`]: 'terminal:attach',
  [`POST ${session}/terminal/pty/close`]: 'terminal:attach',
} as const satisfies Readonly<Record<`${'GET' | 'POST' | 'PUT' | 'DELETE'} /${string}`, RouteGrant>>;

/** A route as `METHOD /path/:param`. */
export type Route = keyof typeof ROUTE_PERMISSIONS;
