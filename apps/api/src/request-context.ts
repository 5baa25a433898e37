import type { KeyRecord, WorkspaceRecord } from '@boxyard/sandbox-core';

/** What a request carries once it has passed the gate. */
export interface RequestVariables {
  requestId: string;
  /** Aborts when the server is asked to end. */
  draining: AbortSignal;
  /** Set for every route that needs a key. */
  key: KeyRecord;
  /** Set for every route below a workspace. */
  workspace: WorkspaceRecord;
}

export interface ApiEnvironment {
  Variables: RequestVariables;
}
