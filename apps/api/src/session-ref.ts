import type { SessionRef } from '@boxyard/channel-a';
import type { ApiContext } from './define-route.ts';
import type { ApiServices } from './services.ts';

/** The session that a path names. @throws SandboxError `not-found` when it is not in the path's workspace. */
export async function sessionRefOf(c: ApiContext, { boxes }: ApiServices): Promise<SessionRef> {
  const { session, active } = await boxes.findActive(c.get('workspace').id, c.req.param('sid') ?? '');
  return { sessionId: session.id, groupId: active.id, workspaceId: session.workspaceId };
}
