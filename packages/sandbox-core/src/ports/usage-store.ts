import type { CallOptions } from '../call-options.ts';
import type { TurnUsage } from './turn-store.ts';

/** A span of database time, in milliseconds since 1970: from the first moment until before the second. */
export interface UsageWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** When the box of one epoch of a group was up. */
export interface UsageInterval {
  readonly epoch: number;
  readonly provider: string;
  readonly startedAtMs: number;
  /** Null while it is up. */
  readonly endedAtMs: number | null;
}

export interface WorkspaceBudget {
  /** How long boxes of the workspace may be up in a calendar month (UTC); null for as long as they like. */
  readonly limitSeconds: number | null;
  /** How long they have been up this month. Of several boxes that are up at once each counts. */
  readonly usedMs: number;
  /** How many tokens models of the workspace may be sent and say in that month; null for as many as they like. */
  readonly limitModelTokens: number | null;
  readonly usedModelTokens: number;
  /** When this month began and when the next begins, by the store's clock. */
  readonly month: UsageWindow;
}

/**
 * How long boxes were up, what models said, and how much of both there may be. The lease store writes what is read here together with each change
 * of a lease, once for each (group, epoch): a crash neither counts twice nor loses.
 */
export interface UsageStore {
  /** How long boxes of the workspace, or of one of its groups, were up. */
  warmMs(
    workspaceId: string,
    window: UsageWindow,
    options?: CallOptions & { readonly groupId?: string | undefined },
  ): Promise<number>;
  /** Up to `limit` intervals of a group that touch the window, the newest first. */
  intervals(
    groupId: string,
    window: UsageWindow,
    options: CallOptions & { readonly limit: number },
  ): Promise<readonly UsageInterval[]>;
  budget(workspaceId: string, options?: CallOptions): Promise<WorkspaceBudget>;
  /** The budget of a workspace that has used it up; null for every other, at little cost. */
  usedUp(workspaceId: string, options?: CallOptions): Promise<WorkspaceBudget | null>;
  /** Null takes the limit away. */
  setBudget(workspaceId: string, limitSeconds: number | null, options?: CallOptions): Promise<void>;
  /** Null takes the limit away. */
  setModelBudget(workspaceId: string, limitTokens: number | null, options?: CallOptions): Promise<void>;
  /**
   * What models were asked and said in turns of the workspace, or of one of its sessions. The turn store writes it
   * together with each answer.
   */
  modelUsage(
    workspaceId: string,
    window: UsageWindow,
    options?: CallOptions & { readonly sessionId?: string | undefined },
  ): Promise<TurnUsage>;
  /** Up to `limit` groups with a box that is up although the budget of their workspace is used up. */
  overBudget(
    limit: number,
    options?: CallOptions,
  ): Promise<readonly { readonly groupId: string; readonly workspaceId: string }[]>;
  /**
   * Removes what ended before the date, in one bounded batch of boxes and one of models; answers how many. What counts for this month's budgets
   * stays, whatever the date.
   */
  trim(olderThan: Date, limit: number): Promise<number>;
}
