// What every page has in common: who asks is looked at first, and whatever fails is told as a page.
import type { AuditAction, Permission } from '@boxyard/contracts';
import type { Fleet } from '@boxyard/fleet';
import type { NewAuditEntry, WorkspaceRecord, WorkspaceStore } from '@boxyard/sandbox-core';
import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { getCookie } from 'hono/cookie';
import { html } from 'hono/html';
import { v7 as uuidv7 } from 'uuid';
import type { AuditTrail } from '../audit-trail.ts';
import { mayEnter, notFound } from '../gate.ts';
import { ApiError, problemOf } from '../problem.ts';
import type { ApiEnvironment } from '../request-context.ts';
import { type BrowserSession, type BrowserSessions, isCsrfToken, SESSION_COOKIE } from './browser-session.ts';
import { type Html, PAGE_HEADERS, renderPage } from './page-layout.ts';
import { assertOwnOrigin } from './page-origin.ts';
import type { PageRoute } from './page-routes.ts';

/** A form of ours has a code and a few words. */
const MAX_FORM_BYTES = 16 * 1024;

export interface PageServices {
  readonly sessions: BrowserSessions;
  readonly workspaces: WorkspaceStore;
  readonly auditTrail: AuditTrail;
  readonly fleet: Fleet | null;
  /** Name and port under which people open this server; null when it has no name. */
  readonly publicHost: string | null;
  /** The cookie goes over TLS only. */
  readonly secureCookie: boolean;
}

export type PageContext = Context<ApiEnvironment>;
export type FormFields = Readonly<Record<string, unknown>>;

/** Answers a page or a redirect. */
export type PageHandler<Input> = (c: PageContext, input: Input) => Promise<Response>;

/** What a handler for people who are signed in gets. */
export interface SignedIn {
  readonly session: BrowserSession;
  /** Empty for a GET. */
  readonly fields: FormFields;
}

/** The pages of one server. */
export class PageTable {
  readonly #app: Hono<ApiEnvironment>;
  readonly services: PageServices;

  constructor(app: Hono<ApiEnvironment>, services: PageServices) {
    this.#app = app;
    this.services = services;
  }

  /** A page for everybody. */
  open(route: PageRoute, handle: PageHandler<FormFields>): void {
    const [method, path] = route.split(' ') as [string, string];
    const limit = bodyLimit({ maxSize: MAX_FORM_BYTES, onError: () => Promise.reject(tooLong()) });
    this.#app.on(method, path, async (c) => {
      c.set('page', route);
      try {
        assertOwnOrigin(
          {
            method,
            host: c.req.header('host'),
            origin: c.req.header('origin'),
            fetchSite: c.req.header('sec-fetch-site'),
          },
          this.services.publicHost,
        );
        if (method === 'GET') return await handle(c, {});
        let answer: Response | undefined;
        await limit(c, async () => {
          answer = await handle(c, await c.req.parseBody());
        });
        return answer ?? c.body(null, 500);
      } catch (error) {
        return failurePage(c, error);
      }
    });
  }

  /** A page for who is signed in; everybody else is sent to sign in and comes back. */
  signedIn(route: PageRoute, handle: PageHandler<SignedIn>): void {
    this.open(route, async (c, fields) => {
      const session = await this.services.sessions.open(getCookie(c, SESSION_COOKIE));
      if (session === null) {
        const { pathname, search } = new URL(c.req.url);
        const back = c.req.method === 'GET' ? pathname + search : '/machines';
        return c.redirect(`/login?next=${encodeURIComponent(back)}`, 303);
      }
      if (c.req.method !== 'GET' && !isCsrfToken(session, fields.csrf)) {
        throw new ApiError('denied', 'This form is not one of this sign-in. Open the page again.');
      }
      return handle(c, { session, fields });
    });
  }

  /** @throws ApiError `unsupported` for a server without machines. */
  get fleet(): Fleet {
    if (this.services.fleet !== null) return this.services.fleet;
    throw new ApiError('unsupported', 'This server has no machines of users. Start it with --machines.');
  }

  /**
   * The workspace, when this person may go there and do that. A refusal is written down.
   *
   * @throws ApiError `not-found` for a workspace of others, `denied` without the permission.
   */
  async enter(
    c: PageContext,
    { key }: BrowserSession,
    wanted: { readonly workspace: string; readonly permission: Permission; readonly action: AuditAction },
  ): Promise<WorkspaceRecord> {
    const workspace = await this.services.workspaces.find(wanted.workspace);
    if (workspace === null) throw notFound('workspace');
    const entry = { action: wanted.action, outcome: 'denied', target: null } as const;
    if (!mayEnter(key, workspace)) {
      await this.record(c, key.id, { ...entry, workspaceId: key.workspaceId, target: workspace.id });
      throw notFound('workspace');
    }
    if (!key.permissions.includes(wanted.permission)) {
      await this.record(c, key.id, { ...entry, workspaceId: workspace.id });
      throw new ApiError(
        'denied',
        `Your key lacks the permission ${wanted.permission}. Use one that carries it.`,
      );
    }
    return workspace;
  }

  /** Writes down what this person did. */
  async record(
    c: PageContext,
    keyId: string,
    entry: Pick<NewAuditEntry, 'workspaceId' | 'action' | 'outcome' | 'target'> & {
      readonly detail?: Readonly<Record<string, string>>;
    },
  ): Promise<void> {
    await this.services.auditTrail.record({
      id: uuidv7(),
      sessionId: null,
      actor: { kind: 'key', id: keyId },
      requestId: c.get('requestId'),
      ...entry,
      detail: { route: c.get('page') ?? '', ...entry.detail },
    });
  }
}

export async function answerPage(
  c: PageContext,
  parts: { readonly title: string; readonly body: Html; readonly session: BrowserSession | null },
  status = 200,
): Promise<Response> {
  const { title, body, session } = parts;
  const page = await renderPage({ title, body, csrfToken: session?.csrfToken ?? null });
  return c.body(`${page}`, status as 200, { ...PAGE_HEADERS, 'content-type': 'text/html; charset=utf-8' });
}

function failurePage(c: PageContext, error: unknown): Promise<Response> {
  const { problem, unexpected } = problemOf(error, c.get('requestId'));
  if (unexpected) throw error;
  const body = html`<p role="alert">${problem.detail}</p><p><a href="/machines">Go to the machines</a></p>`;
  return answerPage(c, { title: problem.title, body, session: null }, problem.status);
}

const tooLong = () =>
  new ApiError(
    'too-large',
    `A form of this page is shorter than ${MAX_FORM_BYTES} bytes. Open the page again.`,
  );
