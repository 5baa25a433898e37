import type { AuditAction } from './audit.ts';
import type { Route } from './route-permissions.ts';

/** What a route leaves in the audit when it is used; null for nothing. A refusal is written down on every route. */
export interface RouteAudit {
  readonly action: AuditAction;
  /** `first`: once per key and target in a quarter of an hour, because such a route is used many times a minute. */
  readonly repeats: 'each' | 'first';
}

const each = (action: AuditAction): RouteAudit => ({ action, repeats: 'each' });
const first = (action: AuditAction): RouteAudit => ({ action, repeats: 'first' });

/** Not audited when allowed: it only looks, or it is an event of its session. */
const NOT_AUDITED = null;

/**
 * The decision for every route of the permission table. A new route without one does not compile, so nothing
 * goes unrecorded because it was forgotten.
 */
export const ROUTE_AUDIT: Readonly<Record<Route, RouteAudit | null>> = {
  'GET /healthz': NOT_AUDITED,
  'GET /readyz': NOT_AUDITED,
  'GET /metrics': NOT_AUDITED,
  'GET /v1/openapi.json': NOT_AUDITED,
  'GET /v1/docs': NOT_AUDITED,
  'GET /v1/docs/:asset': NOT_AUDITED,

  'POST /v1/enrollments/device/start': NOT_AUDITED,
  'POST /v1/enrollments/device/poll': NOT_AUDITED,
  'POST /v1/enrollments/device/lookup': NOT_AUDITED,
  'POST /v1/enrollments/token/exchange': each('enrollment.exchange'),
  'POST /v1/enrollments/refresh': first('enrollment.refresh'),

  'POST /v1/canary': each('canary.run'),

  'POST /v1/sweep': each('sweep.run'),

  'GET /v1/workspaces': NOT_AUDITED,
  'POST /v1/workspaces': each('workspace.create'),
  'GET /v1/workspaces/:ws': NOT_AUDITED,
  'GET /v1/workspaces/:ws/usage': NOT_AUDITED,
  'PUT /v1/workspaces/:ws/budget': each('budget.set'),
  'GET /v1/workspaces/:ws/audit': NOT_AUDITED,
  'GET /v1/workspaces/:ws/keys': NOT_AUDITED,
  'POST /v1/workspaces/:ws/keys': each('key.create'),
  'DELETE /v1/workspaces/:ws/keys/:keyId': each('key.revoke'),

  'POST /v1/workspaces/:ws/enrollments/device/approve': each('enrollment.approve'),
  'POST /v1/workspaces/:ws/enrollments/device/deny': each('enrollment.deny'),
  'POST /v1/workspaces/:ws/enrollments/token': each('enrollment.token'),
  'GET /v1/workspaces/:ws/enrollments': NOT_AUDITED,
  'POST /v1/workspaces/:ws/enrollments/:enrollmentId/revoke': each('enrollment.revoke'),
  'GET /v1/workspaces/:ws/machines': NOT_AUDITED,
  'GET /v1/workspaces/:ws/machines/:machineId/metrics': NOT_AUDITED,

  'POST /v1/workspaces/:ws/sessions': each('session.create'),
  'GET /v1/workspaces/:ws/sessions': NOT_AUDITED,
  'GET /v1/workspaces/:ws/sessions/:sid': NOT_AUDITED,
  'DELETE /v1/workspaces/:ws/sessions/:sid': each('session.delete'),
  'POST /v1/workspaces/:ws/sessions/:sid/pause': each('session.pause'),
  'POST /v1/workspaces/:ws/sessions/:sid/active-sandbox': each('session.swap'),
  'PUT /v1/workspaces/:ws/sessions/:sid/source-token': each('session.source-token'),
  'GET /v1/workspaces/:ws/sessions/:sid/usage': NOT_AUDITED,
  'GET /v1/workspaces/:ws/sessions/:sid/events': NOT_AUDITED,
  'GET /v1/workspaces/:ws/sessions/:sid/stream-capabilities': NOT_AUDITED,

  'POST /v1/workspaces/:ws/sessions/:sid/messages': each('turn.message'),
  'GET /v1/workspaces/:ws/sessions/:sid/turns/:turnId': NOT_AUDITED,
  'POST /v1/workspaces/:ws/sessions/:sid/turns/:turnId/cancel': each('turn.cancel'),
  'POST /v1/workspaces/:ws/sessions/:sid/approvals/:approvalId': each('approval.decide'),

  'POST /v1/workspaces/:ws/sessions/:sid/fs/list': NOT_AUDITED,
  'POST /v1/workspaces/:ws/sessions/:sid/fs/read': NOT_AUDITED,
  'POST /v1/workspaces/:ws/sessions/:sid/fs/stat': NOT_AUDITED,
  'POST /v1/workspaces/:ws/sessions/:sid/fs/watch': NOT_AUDITED,
  'POST /v1/workspaces/:ws/sessions/:sid/fs/write': NOT_AUDITED,
  'POST /v1/workspaces/:ws/sessions/:sid/fs/delete': NOT_AUDITED,
  'POST /v1/workspaces/:ws/sessions/:sid/fs/move': NOT_AUDITED,
  'POST /v1/workspaces/:ws/sessions/:sid/fs/mkdir': NOT_AUDITED,
  'GET /v1/workspaces/:ws/sessions/:sid/fs/content': NOT_AUDITED,
  'PUT /v1/workspaces/:ws/sessions/:sid/fs/content': NOT_AUDITED,
  'GET /v1/workspaces/:ws/sessions/:sid/fs/archive': NOT_AUDITED,
  'PUT /v1/workspaces/:ws/sessions/:sid/fs/archive': NOT_AUDITED,

  'POST /v1/workspaces/:ws/sessions/:sid/git/status': NOT_AUDITED,
  'POST /v1/workspaces/:ws/sessions/:sid/git/diff': NOT_AUDITED,
  'POST /v1/workspaces/:ws/sessions/:sid/git/log': NOT_AUDITED,
  'POST /v1/workspaces/:ws/sessions/:sid/git/show': NOT_AUDITED,

  'GET /v1/workspaces/:ws/sessions/:sid/ports/:port': first('port.open'),

  'POST /v1/workspaces/:ws/sessions/:sid/terminal/exec': each('command.run'),
  'GET /v1/workspaces/:ws/sessions/:sid/ops': NOT_AUDITED,
  'GET /v1/workspaces/:ws/sessions/:sid/ops/:opId': NOT_AUDITED,
  'GET /v1/workspaces/:ws/sessions/:sid/ops/:opId/stream': first('command.attach'),
  'POST /v1/workspaces/:ws/sessions/:sid/ops/:opId/stdin': first('command.input'),
  'POST /v1/workspaces/:ws/sessions/:sid/ops/:opId/kill': each('command.kill'),
  'POST /v1/workspaces/:ws/sessions/:sid/terminal/pty': each('terminal.open'),
  'GET /v1/workspaces/:ws/sessions/:sid/terminal/pty': NOT_AUDITED,
  'GET /v1/workspaces/:ws/sessions/:sid/terminal/pty/:ptyId/stream': each('terminal.attach'),
  'POST /v1/workspaces/:ws/sessions/:sid/terminal/pty/write': first('terminal.input'),
  'POST /v1/workspaces/:ws/sessions/:sid/terminal/pty/resize': NOT_AUDITED,
  'POST /v1/workspaces/:ws/sessions/:sid/terminal/pty/close': each('terminal.close'),
};
