/** Puts the API together: what every request passes, then the routes. It knows services, and no provider. */
import type { Route } from '@boxyard/contracts';
import { type Context, Hono } from 'hono';
import { v7 as uuidv7 } from 'uuid';
import { RouteTable } from './define-route.ts';
import { createGate } from './gate.ts';
import { addPages } from './pages/add-pages.ts';
import { BrowserSessions } from './pages/browser-session.ts';
import type { PageRoute } from './pages/page-routes.ts';
import { ApiError, problemOf } from './problem.ts';
import { createRequestAudit } from './request-audit.ts';
import type { ApiEnvironment } from './request-context.ts';
import { inRequest, type RequestScope } from './request-scope.ts';
import { createRequestSpan } from './request-span.ts';
import { addAuditRoutes } from './routes/audit-routes.ts';
import { addCanaryRoutes } from './routes/canary-routes.ts';
import { addCapabilityRoutes } from './routes/capability-routes.ts';
import { addContentRoutes } from './routes/content-routes.ts';
import { addDocsRoutes } from './routes/docs-routes.ts';
import { addEnrollmentRoutes } from './routes/enrollment-routes.ts';
import { addEventRoutes } from './routes/event-routes.ts';
import { addFileRoutes } from './routes/file-routes.ts';
import { addGitRoutes } from './routes/git-routes.ts';
import { addHealthRoutes } from './routes/health-routes.ts';
import { addKeyRoutes } from './routes/key-routes.ts';
import { addMachineRoutes } from './routes/machine-routes.ts';
import { addMetricsRoutes } from './routes/metrics-routes.ts';
import { addOpRoutes } from './routes/op-routes.ts';
import { addPtyRoutes } from './routes/pty-routes.ts';
import { addSessionRoutes } from './routes/session-routes.ts';
import { addSweepRoutes } from './routes/sweep-routes.ts';
import { addTurnRoutes } from './routes/turn-routes.ts';
import { addUsageRoutes } from './routes/usage-routes.ts';
import { addWorkspaceRoutes } from './routes/workspace-routes.ts';
import type { ApiServices } from './services.ts';

/** What is worth a line in the log. Never holds a token, a body or a query's values. */
export interface RequestLog {
  /** As declared, with its method; the path of a request would put ids into every line and series. */
  readonly route: Route | PageRoute | 'none';
  readonly status: number;
  readonly durationMs: number;
  /** Set for what should not have happened. */
  readonly error?: unknown;
}

export interface ApiOptions {
  readonly log: (entry: RequestLog) => void;
  /** Aborts when the server is asked to end: new requests get 503, endless streams end, the rest goes on. */
  readonly draining: AbortSignal;
  /** How often a quiet event stream sends a comment. */
  readonly sseCommentMs: number;
}

export interface Api {
  readonly app: Hono<ApiEnvironment>;
  readonly routes: RouteTable;
}

const REQUEST_ID = /^[\w.-]{8,128}$/;

export function createApi(services: ApiServices, options: ApiOptions): Api {
  const app = new Hono<ApiEnvironment>();

  app.use('*', async (c, next) => {
    const startedAt = performance.now();
    const given = c.req.header('x-request-id');
    const requestId = given !== undefined && REQUEST_ID.test(given) ? given : uuidv7();
    c.set('requestId', requestId);
    c.set('draining', options.draining);
    c.set('sseCommentMs', options.sseCommentMs);
    c.header('X-Request-Id', requestId);
    c.header('X-Content-Type-Options', 'nosniff');
    c.header('Cache-Control', 'no-store');
    const scope: RequestScope = { requestId, answered: false };
    c.set('scope', scope);
    await inRequest(scope, async () => {
      await next();
      tell(c, requestId, startedAt);
      scope.answered = true;
    });
  });
  const tell = (c: Context<ApiEnvironment>, requestId: string, startedAt: number) =>
    options.log({
      route: c.get('matched')?.route ?? c.get('page') ?? 'none',
      status: c.res.status,
      durationMs: performance.now() - startedAt,
      ...(c.error && problemOf(c.error, requestId).unexpected ? { error: c.error } : {}),
    });
  app.use('*', createRequestSpan());

  app.onError((error, c) => {
    const { problem, retryAfterSeconds } = problemOf(error, c.get('requestId'));
    const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
    if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds);
    if (problem.status === 401) headers['www-authenticate'] = 'Bearer';
    // 499 is not in the standard's list; it is what the common proxies log for a client that went away.
    return c.body(JSON.stringify(problem), problem.status as 400, headers);
  });

  app.use('/v1/*', async (_, next) => {
    if (options.draining.aborted)
      throw new ApiError('draining', 'The server is shutting down. Try again in a moment.');
    return next();
  });
  const { publicUrl } = services;
  addPages(app, {
    ...services,
    sessions: new BrowserSessions(services.keyRing, services.browserSecret),
    publicHost: publicUrl === null ? null : new URL(publicUrl).host,
    secureCookie: publicUrl?.startsWith('https:') ?? false,
  });
  app.use('*', createRequestAudit(services.auditTrail));
  app.use(
    '*',
    createGate({
      keys: services.keyRing,
      workspaces: services.workspaces,
      metricsToken: services.metricsToken,
    }),
  );

  const routes = new RouteTable(app, { maxBodyBytes: services.bodyLimitBytes });
  addHealthRoutes(routes, services);
  addMetricsRoutes(routes, services);
  addCanaryRoutes(routes, services);
  addDocsRoutes(routes, services);
  addSweepRoutes(routes, services);
  addWorkspaceRoutes(routes, services);
  addUsageRoutes(routes, services);
  addAuditRoutes(routes, services);
  addKeyRoutes(routes, services);
  addEnrollmentRoutes(routes, services);
  addMachineRoutes(routes, services);
  addSessionRoutes(routes, services);
  addTurnRoutes(routes, services);
  addEventRoutes(routes, services);
  addCapabilityRoutes(routes, services);
  addFileRoutes(routes, services);
  addContentRoutes(routes, services);
  addGitRoutes(routes, services);
  addOpRoutes(routes, services);
  addPtyRoutes(routes, services);
  return { app, routes };
}
