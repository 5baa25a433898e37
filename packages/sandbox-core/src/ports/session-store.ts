import type { Backend, RestoreReceipt } from '@boxyard/contracts';
import type { BoxResources } from '../provider.ts';

/**
 * What the box of a group is made from. It belongs to the group, not to a session: several sessions may share
 * one box, and its environment is pinned when the first of them creates it.
 */
export interface BoxGroup {
  readonly id: string;
  readonly workspaceId: string;
  readonly backend: Backend;
  readonly image: string | null;
  readonly environmentNames: readonly string[];
  /** Sealed JSON of name → value; null when there is none. Never leaves the server. */
  readonly sealedEnvironment: string | null;
  readonly source: { readonly url: string; readonly ref: string | null } | null;
  readonly sealedSourceToken: string | null;
  /** When the source was cloned into the workspace; null until the first use has done it. */
  readonly sourceClonedAt: Date | null;
  readonly resources: BoxResources;
  readonly idleTimeoutMs: number | null;
  readonly maxLifetimeMs: number | null;
  /** What the last restore of its box answered. */
  readonly restored: RestoreReceipt | null;
  readonly createdAt: Date;
}

export interface SessionRecord {
  readonly id: string;
  readonly workspaceId: string;
  readonly groupId: string;
  readonly name: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: Date;
}

/** A session with the group whose box it uses. */
export interface SessionWithGroup {
  readonly session: SessionRecord;
  readonly group: BoxGroup;
}

export interface ListSessionsQuery {
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** The id of the last session seen; ids are UUIDv7, newest first. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface SessionStore {
  /** Both rows in one transaction. `group` is absent when the session joins an existing one. */
  create(session: SessionRecord, group?: BoxGroup): Promise<void>;
  get(workspaceId: string, sessionId: string): Promise<SessionWithGroup | null>;
  getGroup(workspaceId: string, groupId: string): Promise<BoxGroup | null>;
  list(workspaceId: string, query: ListSessionsQuery): Promise<readonly SessionWithGroup[]>;
  sessionsOf(groupId: string): Promise<readonly string[]>;
  /** Removes the session, its events and ops. Answers whether it was there and how many share its group still. */
  delete(
    workspaceId: string,
    sessionId: string,
  ): Promise<{ deleted: boolean; groupId: string; remaining: number } | null>;
  /** Removes a group without sessions. Done last, after its box is destroyed or condemned. */
  deleteGroup(groupId: string): Promise<void>;
  /** Groups without a session: what a crash between `delete` and `deleteGroup` left behind. */
  abandonedGroups(limit: number): Promise<readonly BoxGroup[]>;
  recordRestore(groupId: string, receipt: RestoreReceipt): Promise<void>;
  markSourceCloned(groupId: string): Promise<void>;
}
