/**
 * Who may pass is decided before a body is read: by the matched route's entry in the permission table, the key
 * shown, and the workspace in the path. What a key may not see does not exist for it (404).
 */
import { ROUTE_PERMISSIONS, type Route, Uuid } from '@boxyard/contracts';
import {
  isSameSecret,
  type KeyRecord,
  type WorkspaceRecord,
  type WorkspaceStore,
} from '@boxyard/sandbox-core';
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { LRUCache } from 'lru-cache';
import { hashToken, type KeyRing } from './key-ring.ts';
import { ApiError } from './problem.ts';
import type { ApiEnvironment } from './request-context.ts';

const WORKSPACE_CACHE_MS = 5_000;
/** Parameters that are ids: anything else there names nothing. */
const ID_PARAMETERS = ['sid', 'opId', 'ptyId', 'keyId', 'enrollmentId', 'machineId'];

export interface GateOptions {
  readonly keys: KeyRing;
  readonly workspaces: WorkspaceStore;
  /** Opens `/metrics` without any key, so that it can be read while the database is away. */
  readonly metricsToken: string | null;
}

export function createGate(options: GateOptions): MiddlewareHandler<ApiEnvironment> {
  const known = new LRUCache<string, WorkspaceRecord>({ max: 1_000, ttl: WORKSPACE_CACHE_MS });

  const findWorkspace = async (idOrSlug: string) => {
    const cached = known.get(idOrSlug);
    if (cached) return cached;
    const found = await options.workspaces.find(idOrSlug);
    if (found) known.set(idOrSlug, found);
    return found;
  };

  const metricsHash = options.metricsToken === null ? null : hashToken(options.metricsToken);
  const isMetricsToken = (c: Context<ApiEnvironment>) => {
    const token = tokenOf(c);
    if (metricsHash === null || token === undefined) return false;
    return isSameSecret(hashToken(token), metricsHash);
  };

  return async (c, next) => {
    const { grant, route, parameters } = matchedRoute(c);
    c.set('matched', { route, parameters });
    if (grant === 'none' || (grant === 'metrics:read' && isMetricsToken(c))) return next();
    const key = await authenticate(c, options.keys);
    c.set('key', key);
    const idOrSlug = parameters.get('ws');
    if (idOrSlug !== undefined) {
      const workspace = await findWorkspace(idOrSlug);
      if (!workspace) throw notFound('workspace');
      if (!mayEnter(key, workspace)) {
        Object.assign(c.get('act'), { refused: true, target: workspace.id });
        throw notFound('workspace');
      }
      c.set('workspace', workspace);
      c.get('scope').workspaceId = workspace.id;
    }
    if (grant !== 'any' && !key.permissions.includes(grant)) {
      throw new ApiError('denied', `This key lacks the permission ${grant}. Use a key that carries it.`);
    }
    for (const name of ID_PARAMETERS) {
      const value = parameters.get(name);
      if (value !== undefined && !Uuid.safeParse(value).success) throw notFound(NAME_OF[name] ?? name);
      if (value !== undefined && name === 'sid') c.get('scope').sessionId = value;
    }
    return next();
  };
}

const NAME_OF: Record<string, string> = {
  sid: 'session',
  opId: 'op',
  ptyId: 'terminal',
  keyId: 'key',
  enrollmentId: 'enrollment',
  machineId: 'machine',
};

export const notFound = (what: string) =>
  new ApiError('not-found', `There is no such ${what}. Check its id.`);

/** A key belongs to one workspace; only the operator's enters others. */
export const mayEnter = (key: KeyRecord, workspace: WorkspaceRecord): boolean =>
  key.workspaceId === workspace.id || key.permissions.includes('workspaces:manage');

function matchedRoute(c: Context<ApiEnvironment>) {
  // Middlewares are registered for every method; the handler of the route itself is the last that is not.
  const match = matchedRoutes(c).findLast(({ method }) => method !== 'ALL');
  if (!match)
    throw new ApiError('not-found', `There is no ${c.req.method} ${c.req.path}. See /v1/openapi.json.`);
  const route = `${match.method} ${match.path}` as Route;
  const grant = ROUTE_PERMISSIONS[route];
  if (grant === undefined) throw new Error(`No permission is declared for ${route}.`);
  return { grant, route, parameters: parametersOf(match.path, c.req.path) };
}

/** A middleware for every path is not told the parameters of the route that matched. */
function parametersOf(pattern: string, path: string): ReadonlyMap<string, string> {
  const values = path.split('/');
  return new Map(
    pattern
      .split('/')
      .flatMap((part, index) =>
        part.startsWith(':') ? [[part.slice(1), decode(values[index] ?? '')] as const] : [],
      ),
  );
}

/** A text that is no percent-encoding names nothing, as it is. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function authenticate(c: Context<ApiEnvironment>, keys: KeyRing): Promise<KeyRecord> {
  const token = tokenOf(c);
  const key = token === undefined ? null : await keys.find(token);
  if (key) return key;
  throw new ApiError(
    'unauthenticated',
    token === undefined
      ? 'No key was shown. Send it as "Authorization: Bearer …" or as "X-API-Key".'
      : 'The key is unknown, revoked or expired. Use another one.',
  );
}

function tokenOf(c: Context<ApiEnvironment>): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '');
  return bearer?.[1] ?? c.req.header('x-api-key');
}
