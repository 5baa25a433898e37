import {
  type Op,
  OpKillRequest,
  OpList,
  Op as OpSchema,
  OpStdinRequest,
  OpStreamId,
  OpStreamMessage,
  OpStreamQuery,
  TerminalExecRequest,
  TerminalExecResponse,
} from '@boxyard/contracts';
import type { OutputCursor } from '@boxyard/sandbox-core';
import type { ApiContext, RouteTable } from '../define-route.ts';
import { ApiError } from '../problem.ts';
import { actOf, auditEntryOf } from '../request-audit.ts';
import { answerWithEvents } from '../server-sent-events.ts';
import type { ApiServices } from '../services.ts';
import { sessionRefOf } from '../session-ref.ts';

const opIdOf = (c: ApiContext) => c.req.param('opId') ?? '';

export function addOpRoutes(routes: RouteTable, services: ApiServices): void {
  const { ops } = services;

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/terminal/exec',
      tag: 'commands',
      name: 'exec',
      repeatable: 'with-op-id',
      summary: 'Run a command, or attach to the one of the same opId',
      body: TerminalExecRequest,
      status: 200,
      answer: TerminalExecResponse,
    },
    async ({ body }, c) => {
      const act = actOf(c);
      const answer = await ops.exec(await sessionRefOf(c, services), body, {
        signal: c.req.raw.signal,
        audit: auditEntryOf(c, 'started'),
        onAudited: () => {
          act.stored = true;
        },
      });
      if (!act.stored) Object.assign(act, { action: 'command.attach', target: answer.opId });
      return answer;
    },
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/sessions/:sid/ops',
      tag: 'commands',
      name: 'list',
      summary: 'The commands of a session that are still known',
      status: 200,
      answer: OpList,
    },
    async (_, c) => ({ items: await ops.list(await sessionRefOf(c, services)), nextCursor: null }),
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/sessions/:sid/ops/:opId',
      tag: 'commands',
      name: 'get',
      summary: 'How a command stands',
      status: 200,
      answer: OpSchema,
    },
    async (_, c): Promise<Op> => ops.get(await sessionRefOf(c, services), opIdOf(c)),
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/sessions/:sid/ops/:opId/stream',
      tag: 'commands',
      name: 'stream',
      events: OpStreamMessage,
      summary: "A command's output from a byte on, while it runs and after, then exactly one end",
      query: OpStreamQuery,
      headers: ['Last-Event-ID'],
      status: 200,
    },
    async ({ query }, c) => {
      const session = await sessionRefOf(c, services);
      const opId = opIdOf(c);
      await ops.get(session, opId);
      const from = resumedFrom(c) ?? { stdout: query.stdoutOffset, stderr: query.stderrOffset };
      return answerWithEvents(c, async function* (signal) {
        for await (const { position, message } of ops.stream(session, opId, { from, signal })) {
          yield { id: `${position.stdout}.${position.stderr}`, data: JSON.stringify(message) };
        }
      });
    },
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/ops/:opId/stdin',
      tag: 'commands',
      name: 'writeStdin',
      summary: "Write to a command's standard input, or close it",
      body: OpStdinRequest,
      status: 204,
    },
    async ({ body }, c) => {
      await ops.writeStdin(await sessionRefOf(c, services), opIdOf(c), body, { signal: c.req.raw.signal });
      return {};
    },
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/ops/:opId/kill',
      tag: 'commands',
      name: 'kill',
      summary: 'End a command and everything that it started',
      body: OpKillRequest,
      status: 204,
    },
    async ({ body }, c) => {
      await ops.kill(await sessionRefOf(c, services), opIdOf(c), body, { signal: c.req.raw.signal });
      return {};
    },
  );
}

function resumedFrom(c: ApiContext): OutputCursor | undefined {
  const header = c.req.header('last-event-id');
  if (header === undefined || header === '') return undefined;
  const position = OpStreamId.safeParse(header);
  if (!position.success)
    throw new ApiError('invalid', 'The Last-Event-ID is not one of this stream. Leave it out.');
  return { stdout: position.data.stdoutOffset, stderr: position.data.stderrOffset };
}
