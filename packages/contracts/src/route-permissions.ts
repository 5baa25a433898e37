import type { Permission } from './permission.ts';

/** `none`: open to everybody. `any`: whoever shows a valid key. */
export type RouteGrant = Permission | 'none' | 'any';

/**
 * The one table from a route to what it needs. The server refuses to serve a route that is not here, so a
 * forgotten entry is a failing test and never an open door.
 */
export const ROUTE_PERMISSIONS = {
  'GET /healthz': 'none',
  'GET /readyz': 'none',
  'GET /metrics': 'metrics:read',
  'GET /v1/openapi.json': 'none',
  'GET /v1/docs': 'none',
  'GET /v1/docs/:asset': 'none',

  // Whoever asks here shows a code or a token of its own, which the body holds; and is held to a rate.
  'POST /v1/enrollments/device/start': 'none',
  'POST /v1/enrollments/device/poll': 'none',
  'POST /v1/enrollments/device/lookup': 'none',
  'POST /v1/enrollments/token/exchange': 'none',
  'POST /v1/enrollments/refresh': 'none',

  'POST /v1/canary': 'workspaces:manage',

  'POST /v1/sweep': 'workspaces:manage',

  'GET /v1/workspaces': 'any',
  'POST /v1/workspaces': 'workspaces:manage',
  'GET /v1/workspaces/:ws': 'any',
  'GET /v1/workspaces/:ws/usage': 'sessions:read',
  'PUT /v1/workspaces/:ws/budget': 'workspaces:manage',
  'GET /v1/workspaces/:ws/audit': 'audit:read',
  'GET /v1/workspaces/:ws/keys': 'keys:manage',
  'POST /v1/workspaces/:ws/keys': 'keys:manage',
  'DELETE /v1/workspaces/:ws/keys/:keyId': 'keys:manage',

  'POST /v1/workspaces/:ws/enrollments/device/approve': 'enrollments:manage',
  'POST /v1/workspaces/:ws/enrollments/device/deny': 'enrollments:manage',
  'POST /v1/workspaces/:ws/enrollments/token': 'enrollments:manage',
  'GET /v1/workspaces/:ws/enrollments': 'enrollments:read',
  'POST /v1/workspaces/:ws/enrollments/:enrollmentId/revoke': 'enrollments:manage',
  'GET /v1/workspaces/:ws/machines': 'enrollments:read',
  'GET /v1/workspaces/:ws/machines/:machineId/metrics': 'enrollments:read',

  'POST /v1/workspaces/:ws/sessions': 'sessions:control',
  'GET /v1/workspaces/:ws/sessions': 'sessions:read',
  'GET /v1/workspaces/:ws/sessions/:sid': 'sessions:read',
  'DELETE /v1/workspaces/:ws/sessions/:sid': 'sessions:control',
  'POST /v1/workspaces/:ws/sessions/:sid/pause': 'sessions:control',
  'POST /v1/workspaces/:ws/sessions/:sid/active-sandbox': 'sessions:control',
  'PUT /v1/workspaces/:ws/sessions/:sid/source-token': 'sessions:control',
  'GET /v1/workspaces/:ws/sessions/:sid/usage': 'sessions:read',
  'GET /v1/workspaces/:ws/sessions/:sid/events': 'sessions:read',
  'GET /v1/workspaces/:ws/sessions/:sid/stream-capabilities': 'sessions:read',

  'POST /v1/workspaces/:ws/sessions/:sid/messages': 'sessions:control',
  'GET /v1/workspaces/:ws/sessions/:sid/turns/:turnId': 'sessions:read',
  'POST /v1/workspaces/:ws/sessions/:sid/turns/:turnId/cancel': 'sessions:control',
  'POST /v1/workspaces/:ws/sessions/:sid/approvals/:approvalId': 'sessions:control',

  'POST /v1/workspaces/:ws/sessions/:sid/fs/list': 'files:read',
  'POST /v1/workspaces/:ws/sessions/:sid/fs/read': 'files:read',
  'POST /v1/workspaces/:ws/sessions/:sid/fs/stat': 'files:read',
  'POST /v1/workspaces/:ws/sessions/:sid/fs/watch': 'files:read',
  'POST /v1/workspaces/:ws/sessions/:sid/fs/write': 'files:write',
  'POST /v1/workspaces/:ws/sessions/:sid/fs/delete': 'files:write',
  'POST /v1/workspaces/:ws/sessions/:sid/fs/move': 'files:write',
  'POST /v1/workspaces/:ws/sessions/:sid/fs/mkdir': 'files:write',
  'GET /v1/workspaces/:ws/sessions/:sid/fs/content': 'files:read',
  'PUT /v1/workspaces/:ws/sessions/:sid/fs/content': 'files:write',
  'GET /v1/workspaces/:ws/sessions/:sid/fs/archive': 'files:read',
  'PUT /v1/workspaces/:ws/sessions/:sid/fs/archive': 'files:write',

  'POST /v1/workspaces/:ws/sessions/:sid/git/status': 'files:read',
  'POST /v1/workspaces/:ws/sessions/:sid/git/diff': 'files:read',
  'POST /v1/workspaces/:ws/sessions/:sid/git/log': 'files:read',
  'POST /v1/workspaces/:ws/sessions/:sid/git/show': 'files:read',

  'GET /v1/workspaces/:ws/sessions/:sid/ports/:port': 'stream:view',

  'POST /v1/workspaces/:ws/sessions/:sid/terminal/exec': 'terminal:attach',
  'GET /v1/workspaces/:ws/sessions/:sid/ops': 'terminal:attach',
  'GET /v1/workspaces/:ws/sessions/:sid/ops/:opId': 'terminal:attach',
  'GET /v1/workspaces/:ws/sessions/:sid/ops/:opId/stream': 'terminal:attach',
  'POST /v1/workspaces/:ws/sessions/:sid/ops/:opId/stdin': 'terminal:attach',
  'POST /v1/workspaces/:ws/sessions/:sid/ops/:opId/kill': 'terminal:attach',
  'POST /v1/workspaces/:ws/sessions/:sid/terminal/pty': 'terminal:attach',
  'GET /v1/workspaces/:ws/sessions/:sid/terminal/pty': 'terminal:attach',
  'GET /v1/workspaces/:ws/sessions/:sid/terminal/pty/:ptyId/stream': 'terminal:attach',
  'POST /v1/workspaces/:ws/sessions/:sid/terminal/pty/write': 'terminal:attach',
  'POST /v1/workspaces/:ws/sessions/:sid/terminal/pty/resize': 'terminal:attach',
  'POST /v1/workspaces/:ws/sessions/:sid/terminal/pty/close': 'terminal:attach',
} as const satisfies Readonly<Record<`${'GET' | 'POST' | 'PUT' | 'DELETE'} /${string}`, RouteGrant>>;

/** A route as `METHOD /path/:param`. */
export type Route = keyof typeof ROUTE_PERMISSIONS;
