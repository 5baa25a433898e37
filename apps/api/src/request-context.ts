import type { Route } from '@boxyard/contracts';
import type { KeyRecord, WorkspaceRecord } from '@boxyard/sandbox-core';
import type { PageRoute } from './pages/page-routes.ts';
import type { RequestAct } from './request-audit.ts';
import type { RequestScope } from './request-scope.ts';

/** What a request carries once it has passed the gate. */
export interface RequestVariables {
  requestId: string;
  /** What the lines of the log say of it. */
  scope: RequestScope;
  /** Aborts when the server is asked to end. */
  draining: AbortSignal;
  /** How often a quiet event stream sends a comment. */
  sseCommentMs: number;
  /** The declared route that serves this request, and its parameters; set by the gate. */
  matched: { readonly route: Route; readonly parameters: ReadonlyMap<string, string> };
  /** Set for the pages, which are no routes of the API. */
  page?: PageRoute;
  /** What the audit will say of this request. */
  act: RequestAct;
  /** Set for every route that needs a key. */
  key: KeyRecord;
  /** Set for every route below a workspace. */
  workspace: WorkspaceRecord;
}

export interface ApiEnvironment {
  Variables: RequestVariables;
}
