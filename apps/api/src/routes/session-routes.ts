import {
  CreateSessionRequest,
  Metadata,
  PageQuery,
  PauseSessionRequest,
  Session,
  SessionList,
  SetSourceTokenRequest,
  SourceTokenPlace,
  SwapSandboxRequest,
  SwapSandboxResponse,
} from '@boxyard/contracts';
import { z } from 'zod';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import type { RouteTable } from '../define-route.ts';
import { createOnce } from '../idempotency.ts';
import { ApiError } from '../problem.ts';
import { actOf } from '../request-audit.ts';
import type { ApiServices } from '../services.ts';

const SESSION_ID = /^[0-9a-f-]{36}$/;
const METADATA = 'metadata';
const METADATA_PREFIX = `${METADATA}.`;

/** `metadata.<name>=<value>` besides the page; every other name is refused. */
const ListQuery = PageQuery.catchall(z.string());

function metadataOf(query: z.output<typeof ListQuery>): Metadata | undefined {
  const { cursor: _, limit: __, ...rest } = query;
  const unknown = Object.keys(rest).find((name) => !name.startsWith(METADATA_PREFIX));
  if (unknown !== undefined) {
    throw new ApiError(
      'invalid',
      `The query's ${unknown} is not known. Use metadata.<name>, cursor or limit.`,
    );
  }
  const wanted = Object.entries(rest).map(([name, value]) => [name.slice(METADATA_PREFIX.length), value]);
  return wanted.length === 0 ? undefined : Metadata.parse(Object.fromEntries(wanted));
}

export function addSessionRoutes(routes: RouteTable, { sessions, idempotency }: ApiServices): void {
  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions',
      tag: 'sessions',
      name: 'create',
      repeatable: 'with-idempotency-key',
      summary: 'Create a session; its box comes with the first operation unless start is true',
      body: CreateSessionRequest,
      headers: ['Idempotency-Key'],
      status: 201,
      answer: Session,
    },
    ({ body }, c) =>
      createOnce(c, idempotency, body, async () => {
        const session = await sessions.create(c.get('workspace').id, body);
        actOf(c).sessionId = session.id;
        return session;
      }),
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/sessions',
      tag: 'sessions',
      name: 'list',
      summary: 'List sessions, newest first',
      query: ListQuery,
      dottedQuery: METADATA,
      status: 200,
      answer: SessionList,
    },
    async ({ query }, c) => {
      const page = await sessions.list(c.get('workspace').id, {
        limit: query.limit,
        metadata: metadataOf(query),
        after: query.cursor === undefined ? undefined : decodeCursor(query.cursor, SESSION_ID),
      });
      return { items: [...page.items], nextCursor: page.next === null ? null : encodeCursor(page.next) };
    },
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/sessions/:sid',
      tag: 'sessions',
      name: 'get',
      summary: 'One session',
      status: 200,
      answer: Session,
    },
    (_, c) => sessions.get(c.get('workspace').id, c.req.param('sid') ?? ''),
  );

  routes.add(
    {
      route: 'DELETE /v1/workspaces/:ws/sessions/:sid',
      tag: 'sessions',
      name: 'delete',
      repeatable: 'always',
      summary: 'Delete a session in any state; a box goes with its last session',
      status: 204,
    },
    async (_, c) => {
      await sessions.delete(c.get('workspace').id, c.req.param('sid') ?? '');
      return {};
    },
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/pause',
      tag: 'sessions',
      name: 'pause',
      summary: 'Capture and free the box; the next operation wakes it',
      body: PauseSessionRequest,
      status: 200,
      answer: Session,
    },
    ({ body }, c) => sessions.pause(c.get('workspace').id, c.req.param('sid') ?? '', body),
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/active-sandbox',
      tag: 'sessions',
      name: 'swap',
      summary: 'Send the session to another box, or home; nothing changes when it fails',
      body: SwapSandboxRequest,
      status: 200,
      answer: SwapSandboxResponse,
    },
    ({ body }, c) =>
      sessions.swap(c.get('workspace').id, c.req.param('sid') ?? '', body, {
        holder: { kind: 'request', id: c.get('requestId'), subject: c.get('key').id },
        signal: c.req.raw.signal,
      }),
  );

  routes.add(
    {
      route: 'PUT /v1/workspaces/:ws/sessions/:sid/source-token',
      tag: 'sessions',
      name: 'setSourceToken',
      repeatable: 'always',
      summary:
        'Replace the token of the source, also while an agent works; a box that is up has it a moment later',
      body: SetSourceTokenRequest,
      status: 200,
      answer: SourceTokenPlace,
    },
    ({ body }, c) => sessions.replaceSourceToken(c.get('workspace').id, c.req.param('sid') ?? '', body.token),
  );
}
