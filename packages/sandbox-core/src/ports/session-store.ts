import type { Backend, RestoreReceipt } from '@boxyard/contracts';
import type { ActivePointer } from '../lease/swap-pointer.ts';
import type { BoxResources } from '../provider.ts';

/**
 * What the box of a group is made from. It belongs to the group, not to a session: several sessions may share
 * one box, and its environment is pinned when the first of them creates it.
 */
export interface BoxGroup {
  readonly id: string;
  readonly workspaceId: string;
  readonly backend: Backend;
  /** The machine of a user that is the group's box, by its enrollment; null for a box that is made. */
  readonly machineId: string | null;
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

/** A session with its own group, its home, and with what it works in at present. */
export interface SessionWithGroup {
  readonly session: SessionRecord;
  readonly group: BoxGroup;
  readonly pointer: ActivePointer;
}

/** The group whose box a session works in at present. */
export function activeGroupId({ session, pointer }: SessionWithGroup): string {
  return pointer.activeSandboxId ?? session.groupId;
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
  /**
   * A group that a swap is about to make active. From then on it belongs to that session; a swap that never comes
   * leaves it abandoned after this time.
   */
  createGroup(group: BoxGroup, options: { readonly awaitedForMs: number }): Promise<void>;
  /**
   * The group of a machine, which all sessions there share: the one that is used or awaited, or else a new one under
   * this id. Awaited from now on, as with `createGroup`.
   */
  takeMachineGroup(
    group: Pick<BoxGroup, 'id' | 'workspaceId'> & { readonly machineId: string },
    options: { readonly awaitedForMs: number },
  ): Promise<BoxGroup>;
  getGroup(workspaceId: string, groupId: string): Promise<BoxGroup | null>;
  list(workspaceId: string, query: ListSessionsQuery): Promise<readonly SessionWithGroup[]>;
  /** Those that work in the group's box at present. */
  sessionsOf(groupId: string): Promise<readonly string[]>;
  /**
   * Removes the session, its events and ops. Answers the groups that nobody uses without it, its own and those
   * that were made for it or that it worked in: whoever is told so frees them. Null when it was not there.
   */
  delete(workspaceId: string, sessionId: string): Promise<{ readonly freed: readonly string[] } | null>;
  /** Removes a group that nobody uses. Done last, after its box is destroyed or condemned. */
  deleteGroup(groupId: string): Promise<void>;
  /** Groups that nobody uses: what a crash between `delete` and `deleteGroup`, or of a swap, left behind. */
  abandonedGroups(limit: number): Promise<readonly BoxGroup[]>;
  recordRestore(groupId: string, receipt: RestoreReceipt): Promise<void>;
  markSourceCloned(groupId: string): Promise<void>;
  /** Another token takes the place of the one before. */
  setSourceToken(groupId: string, sealed: string): Promise<void>;
}
