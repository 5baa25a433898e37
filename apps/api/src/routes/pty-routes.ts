import {
  PtyCloseRequest,
  PtyList,
  PtyOpenRequest,
  PtyOpenResponse,
  PtyResizeRequest,
  PtyStreamMessage,
  PtyWriteRequest,
} from '@boxyard/contracts';
import type { ApiContext, RouteTable } from '../define-route.ts';
import { ApiError } from '../problem.ts';
import { actOf } from '../request-audit.ts';
import { answerWithEvents } from '../server-sent-events.ts';
import type { ApiServices } from '../services.ts';
import { sessionRefOf } from '../session-ref.ts';

const SEQ = /^\d{1,15}$/;

export function addPtyRoutes(routes: RouteTable, services: ApiServices): void {
  const { ptys } = services;

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/terminal/pty',
      tag: 'terminals',
      name: 'open',
      summary: 'Open a terminal; it lives on when its viewers leave',
      body: PtyOpenRequest,
      status: 201,
      answer: PtyOpenResponse,
    },
    async ({ body }, c) => {
      const opened = await ptys.open(await sessionRefOf(c, services), body);
      actOf(c).target = opened.ptyId;
      return opened;
    },
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/sessions/:sid/terminal/pty',
      tag: 'terminals',
      name: 'list',
      summary: 'The terminals that live',
      status: 200,
      answer: PtyList,
    },
    async (_, c) => ({ items: await ptys.list(await sessionRefOf(c, services)) }),
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/sessions/:sid/terminal/pty/:ptyId/stream',
      tag: 'terminals',
      name: 'stream',
      events: PtyStreamMessage,
      summary: "A terminal's screen, then what it prints, then its end",
      headers: ['Last-Event-ID'],
      status: 200,
    },
    async (_, c) => {
      const session = await sessionRefOf(c, services);
      const ptyId = c.req.param('ptyId') ?? '';
      const after = lastSeq(c);
      await ptys.check(session, ptyId);
      return answerWithEvents(c, async function* (signal) {
        for await (const message of ptys.stream(session, ptyId, { after, signal })) {
          yield { id: String(message.seq), data: JSON.stringify(message) };
        }
      });
    },
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/terminal/pty/write',
      tag: 'terminals',
      name: 'write',
      summary: 'Type into a terminal',
      body: PtyWriteRequest,
      status: 204,
    },
    async ({ body }, c) => {
      actOf(c).target = body.ptyId;
      await ptys.write(await sessionRefOf(c, services), body, { signal: c.req.raw.signal });
      return {};
    },
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/terminal/pty/resize',
      tag: 'terminals',
      name: 'resize',
      summary: "Change a terminal's size",
      body: PtyResizeRequest,
      status: 204,
    },
    async ({ body }, c) => {
      await ptys.resize(await sessionRefOf(c, services), body);
      return {};
    },
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/terminal/pty/close',
      tag: 'terminals',
      name: 'close',
      summary: 'End a terminal and everything in it',
      body: PtyCloseRequest,
      status: 204,
    },
    async ({ body }, c) => {
      actOf(c).target = body.ptyId;
      await ptys.close(await sessionRefOf(c, services), body.ptyId);
      return {};
    },
  );
}

function lastSeq(c: ApiContext): number | undefined {
  const header = c.req.header('last-event-id');
  if (header === undefined || header === '') return undefined;
  if (!SEQ.test(header))
    throw new ApiError('invalid', 'The Last-Event-ID is not one of this stream. Leave it out.');
  return Number(header);
}
