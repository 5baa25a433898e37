import { Approval, DecideApprovalRequest, PostedMessage, PostMessageRequest, Turn } from '@boxyard/contracts';
import type { RouteTable } from '../define-route.ts';
import { actOf } from '../request-audit.ts';
import type { ApiServices } from '../services.ts';

export function addTurnRoutes(routes: RouteTable, { turns }: ApiServices): void {
  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/messages',
      tag: 'turns',
      name: 'post',
      summary: 'Say something to the agent: begins a turn, or joins the one that has not ended',
      body: PostMessageRequest,
      status: 202,
      answer: PostedMessage,
    },
    async ({ body }, c) => {
      const posted = await turns.post(c.get('workspace').id, c.req.param('sid') ?? '', body);
      actOf(c).target = posted.turnId;
      return posted;
    },
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/sessions/:sid/turns/:turnId',
      tag: 'turns',
      name: 'get',
      summary: 'One turn as it stands',
      status: 200,
      answer: Turn,
    },
    (_, c) => turns.get(c.get('workspace').id, c.req.param('sid') ?? '', c.req.param('turnId') ?? ''),
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/turns/:turnId/cancel',
      tag: 'turns',
      name: 'cancel',
      repeatable: 'always',
      summary: 'End a turn; one that runs has ended when its terminal event is there',
      status: 200,
      answer: Turn,
    },
    (_, c) => turns.cancel(c.get('workspace').id, c.req.param('sid') ?? '', c.req.param('turnId') ?? ''),
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/approvals/:approvalId',
      tag: 'turns',
      name: 'decide',
      repeatable: 'always',
      summary: 'Approve or reject a tool call that waits; what was decided once stays',
      body: DecideApprovalRequest,
      status: 200,
      answer: Approval,
    },
    ({ body }, c) => {
      const sessionId = c.req.param('sid') ?? '';
      const approvalId = c.req.param('approvalId') ?? '';
      actOf(c).detail = { decision: body.decision };
      return turns.decide(
        { workspaceId: c.get('workspace').id, sessionId, approvalId },
        body,
        c.get('key').id,
      );
    },
  );
}
