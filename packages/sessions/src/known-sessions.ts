/** Sessions and their groups as the record has them, remembered for a while. */
import {
  type ActivePointer,
  type BoxGroup,
  type LeaseStore,
  SandboxError,
  type SessionStore,
  type SessionWithGroup,
} from '@boxyard/sandbox-core';
import { LRUCache } from 'lru-cache';

const CACHED_SESSIONS = 10_000;

export interface KnownSessionsOptions {
  readonly sessions: SessionStore;
  readonly leaseStore: LeaseStore;
  /** How long a session that was looked up is believed; a deletion by another process is noticed after it. */
  readonly cacheMs: number;
}

export class KnownSessions {
  readonly #options: KnownSessionsOptions;
  readonly #known: LRUCache<string, SessionWithGroup>;
  /** Groups that are no session's home here: those that sessions went to. */
  readonly #groups: LRUCache<string, BoxGroup>;

  constructor(options: KnownSessionsOptions) {
    this.#options = options;
    const cache = { max: CACHED_SESSIONS, ttl: Math.max(1, options.cacheMs) };
    this.#known = new LRUCache(cache);
    this.#groups = new LRUCache(cache);
  }

  /** @throws SandboxError `not-found` for a session that is not there, or not in this workspace. */
  async find(workspaceId: string, sessionId: string): Promise<SessionWithGroup> {
    const key = `${workspaceId}/${sessionId}`;
    const found = this.#known.get(key) ?? (await this.#options.sessions.get(workspaceId, sessionId));
    if (!found) throw notFound('session', 'session.find');
    this.#known.set(key, found);
    return found;
  }

  /** What is remembered of the session is dropped: it was changed or deleted. */
  forget(workspaceId: string, sessionId: string): void {
    this.#known.delete(`${workspaceId}/${sessionId}`);
  }

  async findGroup(groupId: string): Promise<BoxGroup> {
    for (const known of this.#known.values()) if (known.group.id === groupId) return known.group;
    const known = this.#groups.get(groupId);
    if (known !== undefined) return known;
    const lease = await this.#options.leaseStore.read(groupId);
    if (lease === null) throw notFound('box group', 'group.find');
    return this.readGroup(lease.workspaceId, groupId);
  }

  /** The group whose box a session works in, by its pointer. */
  async groupAt({ session, group }: SessionWithGroup, { activeSandboxId }: ActivePointer): Promise<BoxGroup> {
    if (activeSandboxId === null) return group;
    return this.#groups.get(activeSandboxId) ?? this.readGroup(session.workspaceId, activeSandboxId);
  }

  /** By the record, whatever is remembered. */
  async readGroup(workspaceId: string, groupId: string): Promise<BoxGroup> {
    const group = await this.#options.sessions.getGroup(workspaceId, groupId);
    if (group === null) throw notFound('box group', 'group.find');
    this.#groups.set(groupId, group);
    return group;
  }

  forgetGroup(groupId: string): void {
    this.#groups.delete(groupId);
    for (const [key, { group }] of this.#known.entries()) if (group.id === groupId) this.#known.delete(key);
  }
}

const notFound = (what: string, stage: string) =>
  new SandboxError('not-found', `There is no such ${what}. Check its id and its workspace.`, {
    stage,
    started: 'no',
  });
