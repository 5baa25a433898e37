import { type AuditAction, type AuditActor, ROUTE_AUDIT, Uuid } from '@boxyard/contracts';
import type { NewAuditEntry } from '@boxyard/sandbox-core';
import type { MiddlewareHandler } from 'hono';
import { LRUCache } from 'lru-cache';
import { v7 as uuidv7 } from 'uuid';
import type { AuditTrail } from './audit-trail.ts';
import type { ApiContext } from './define-route.ts';
import { problemOf } from './problem.ts';
import type { ApiEnvironment } from './request-context.ts';

/** How long using the same thing again is the same act, for routes that are used many times a minute. */
const SAME_ACT_MS = 15 * 60_000;
const REMEMBERED_ACTS = 10_000;

/** What a handler tells of the act that the path does not say. */
export interface RequestAct {
  /** Where it turned out to be another act than the route's. */
  action?: AuditAction;
  /** Who acts on a route that needs no key, once it is proven who that is. With it goes `workspaceId`. */
  actor?: AuditActor;
  workspaceId?: string;
  target?: string;
  sessionId?: string;
  /** Ids and the like; never a value that a caller sent. */
  detail?: Readonly<Record<string, string>>;
  /** The handler's own work stored the entry already. */
  stored?: true;
  /** Refused, whatever the status says: as 404, so that nothing is told of what is there. */
  refused?: true;
}

/** The act of this request, for a handler to complete. */
export const actOf = (c: ApiContext): RequestAct => c.get('act');

/** The entry of this request as it stands. */
export function auditEntryOf(c: ApiContext, outcome: NewAuditEntry['outcome']): NewAuditEntry {
  const { route, parameters } = c.get('matched');
  const { action, target, sessionId, detail, actor, workspaceId } = actOf(c);
  const key = c.get('key');
  const decision = ROUTE_AUDIT[route];
  const session = Uuid.safeParse(parameters.get('sid')).data ?? sessionId ?? null;
  return {
    id: uuidv7(),
    workspaceId: workspaceId ?? c.get('workspace')?.id ?? key.workspaceId,
    sessionId: session,
    actor: actor ?? { kind: 'key', id: key.id },
    action: action ?? decision?.action ?? 'access',
    target: target ?? namedTarget(parameters) ?? session,
    requestId: c.get('requestId'),
    outcome,
    detail: { ...(decision === null || outcome === 'denied' ? { route } : {}), ...detail },
  };
}

/** The innermost thing that the path names. */
const namedTarget = (parameters: ReadonlyMap<string, string>): string | undefined =>
  ['opId', 'ptyId', 'turnId', 'approvalId', 'keyId', 'enrollmentId', 'machineId', 'port']
    .map((name) => parameters.get(name))
    // Whoever is refused may have written anything there.
    .find((value) => value !== undefined && /^[\w-]{1,64}$/.test(value));

/**
 * Writes down what a request did, as the table of routes says, before its answer goes out. Who shows no valid key
 * is counted elsewhere and not stored: anybody could fill the record otherwise.
 */
export function createRequestAudit(trail: AuditTrail): MiddlewareHandler<ApiEnvironment> {
  const recent = new LRUCache<string, true>({ max: REMEMBERED_ACTS, ttl: SAME_ACT_MS });

  return async (c, next) => {
    c.set('act', {});
    await next();
    if (c.get('key') === undefined && c.get('act').actor === undefined) return;
    const decision = ROUTE_AUDIT[c.get('matched').route];
    const outcome = outcomeOf(c);
    if (outcome === null || (decision === null && outcome !== 'denied')) return;
    if (outcome === 'done' && c.get('act').stored) return;
    const entry = auditEntryOf(c, outcome);
    if (decision?.repeats === 'first' && outcome === 'done') {
      const act = `${entry.actor.id} ${entry.action} ${entry.sessionId} ${entry.target}`;
      if (recent.has(act)) return;
      recent.set(act, true);
    }
    await trail.record(entry);
  };
}

/** Null for what certainly did not happen: a request that was not understood, or found nothing. */
function outcomeOf(c: ApiContext): NewAuditEntry['outcome'] | null {
  const { status } = c.res;
  if (status === 403 || c.get('act').refused) return 'denied';
  if (status < 400) return 'done';
  if (c.error === undefined) return null;
  const { problem, unexpected } = problemOf(c.error, c.get('requestId'));
  return unexpected || problem.started === 'yes' || problem.started === 'unknown' ? 'unknown' : null;
}
