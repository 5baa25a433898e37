import { AsyncLocalStorage } from 'node:async_hooks';

/** What every line that is logged on behalf of a request says. */
export interface RequestScope {
  readonly requestId: string;
  workspaceId?: string;
  sessionId?: string;
  /** The answer has begun; what goes on was only started by the request. */
  answered: boolean;
}

const scopes = new AsyncLocalStorage<RequestScope>();

/** Does the work, and whatever it starts, as part of this request. */
export const inRequest = <T>(scope: RequestScope, work: () => T): T => scopes.run(scope, work);

/** Fields for a line of the log; none outside of a request. */
export function requestFields(): Readonly<Record<string, string>> {
  const scope = scopes.getStore();
  if (scope === undefined) return {};
  const { requestId, workspaceId, sessionId, answered } = scope;
  return {
    [answered ? 'startedBy' : 'requestId']: requestId,
    ...(workspaceId === undefined ? {} : { workspaceId }),
    ...(sessionId === undefined ? {} : { sessionId }),
  };
}
