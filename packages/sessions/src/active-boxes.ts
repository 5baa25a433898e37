/** The one way to open a session's box: lease, environment, source, journal. Everything else goes through it. */
import type { BoxLeases, BoxSpec, OpenBox } from '@boxyard/leases';
import {
  type Box,
  type BoxGroup,
  bounded,
  type CallOptions,
  type ChangeJournal,
  createRedactor,
  type EventLog,
  type HolderKind,
  type LeaseStore,
  type NewEvent,
  type Redactor,
  SandboxError,
  type Sealer,
  type SessionStore,
  type SessionWithGroup,
  traced,
} from '@boxyard/sandbox-core';
import { LRUCache } from 'lru-cache';
import { v7 as uuidv7 } from 'uuid';
import { environmentOf, sourceTokenOf } from './box-group.ts';
import { cloneGitSource } from './git-source.ts';

export interface BoxHolder {
  readonly kind: HolderKind;
  readonly id: string;
  /** Who it is: a key's id, an op's id. Shown to people who ask why a box is up. */
  readonly subject: string;
}

export interface OpenBoxOptions extends CallOptions {
  /** `fenced` when the box has moved on since. */
  readonly expectedEpoch?: number | undefined;
  /** The workspace is about to change: the box is captured before it is let go. */
  readonly mutates?: boolean | undefined;
}

/** A box that is held until it is disposed of. */
export interface ActiveBox extends AsyncDisposable {
  readonly group: BoxGroup;
  readonly box: Box;
  readonly epoch: number;
  readonly journal: ChangeJournal;
}

export interface ActiveBoxesOptions {
  readonly sessions: SessionStore;
  readonly events: EventLog;
  readonly leases: BoxLeases;
  readonly leaseStore: LeaseStore;
  readonly sealer: Sealer;
  /** How long an operation waits for its box when it says nothing. */
  readonly openDeadlineMs: number;
  /** How long a session that was looked up is believed; a deletion by another process is noticed after it. */
  readonly cacheMs: number;
}

const CACHED_SESSIONS = 10_000;

export class ActiveBoxes {
  readonly #options: ActiveBoxesOptions;
  readonly #known: LRUCache<string, SessionWithGroup>;
  readonly #redactors = new LRUCache<string, Redactor>({ max: 1_000 });
  /** Two first operations of one process must not clone twice; other processes wait in the box, at git's lock. */
  readonly #cloning = new Map<string, Promise<void>>();

  constructor(options: ActiveBoxesOptions) {
    this.#options = options;
    this.#known = new LRUCache({ max: CACHED_SESSIONS, ttl: Math.max(1, options.cacheMs) });
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

  async open(
    workspaceId: string,
    sessionId: string,
    holder: BoxHolder,
    options: OpenBoxOptions = {},
  ): Promise<ActiveBox> {
    const { group } = await this.find(workspaceId, sessionId);
    return this.#open(group, holder, options, () => this.forget(workspaceId, sessionId));
  }

  /** For work that knows only the group: a command that a former server process started. */
  async openGroup(groupId: string, holder: BoxHolder, options: OpenBoxOptions = {}): Promise<ActiveBox> {
    return this.#open(await this.#findGroup(groupId), holder, options, () => undefined);
  }

  /** Hides what the group's environment and source token hold. */
  async redactorFor(groupId: string): Promise<Redactor> {
    const known = this.#redactors.get(groupId);
    if (known) return known;
    const group = await this.#findGroup(groupId);
    const token = sourceTokenOf(group, this.#options.sealer);
    const secrets = Object.values(environmentOf(group, this.#options.sealer));
    const redactor = createRedactor(token === null ? secrets : [...secrets, token]);
    this.#redactors.set(groupId, redactor);
    return redactor;
  }

  async #findGroup(groupId: string): Promise<BoxGroup> {
    for (const known of this.#known.values()) if (known.group.id === groupId) return known.group;
    const lease = await this.#options.leaseStore.read(groupId);
    const group = lease && (await this.#options.sessions.getGroup(lease.workspaceId, groupId));
    if (!group) throw notFound('box group', 'group.find');
    return group;
  }

  #open(
    group: BoxGroup,
    holder: BoxHolder,
    options: OpenBoxOptions,
    onCloned: () => void,
  ): Promise<ActiveBox> {
    const attributes = { 'boxyard.group': group.id, 'boxyard.backend': group.backend };
    return traced('box.open', attributes, () => this.#openHeld(group, holder, options, onCloned));
  }

  async #openHeld(
    group: BoxGroup,
    holder: BoxHolder,
    { mutates = false, ...options }: OpenBoxOptions,
    onCloned: () => void,
  ): Promise<ActiveBox> {
    const deadlineMs = options.deadlineMs ?? this.#options.openDeadlineMs;
    const opened = await this.#options.leases.open({
      workspaceId: group.workspaceId,
      groupId: group.id,
      holder,
      spec: this.#specOf(group),
      ...options,
      deadlineMs,
    });
    try {
      if (group.source !== null && group.sourceClonedAt === null) {
        await bounded({ ...options, deadlineMs }, 'Cloning the source', () =>
          this.#cloneOnce(group, onCloned),
        );
      }
      if (mutates) await opened.markDirty();
      return {
        group,
        box: opened.box,
        epoch: opened.epoch,
        journal: this.#journal(group, opened),
        [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
      };
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  #journal(group: BoxGroup, opened: OpenBox): ChangeJournal {
    const { events } = this.#options;
    return {
      groupId: group.id,
      revision: () => events.revision(group.id),
      record: (changes: readonly NewEvent[]) =>
        events.append({ groupId: group.id }, changes, { leaseEpoch: opened.epoch, mutates: true }),
    };
  }

  /** The clone holds the box by itself: it goes on when the operation that began it has stopped waiting. */
  #cloneOnce(group: BoxGroup, onCloned: () => void): Promise<void> {
    const running = this.#cloning.get(group.id);
    if (running) return running;
    const clone = this.#clone(group).finally(() => {
      this.#cloning.delete(group.id);
      onCloned();
    });
    // Whoever waits hears of a failure; when nobody does any more, the next operation tries again.
    clone.catch(() => undefined);
    this.#cloning.set(group.id, clone);
    return clone;
  }

  async #clone(group: BoxGroup): Promise<void> {
    const stored = await this.#options.sessions.getGroup(group.workspaceId, group.id);
    if (!stored?.source || stored.sourceClonedAt !== null) return;
    await using opened = await this.#options.leases.open({
      workspaceId: group.workspaceId,
      groupId: group.id,
      holder: { kind: 'process', id: `clone-${uuidv7()}`, subject: 'source' },
      spec: this.#specOf(group),
    });
    await opened.markDirty();
    const token = sourceTokenOf(stored, this.#options.sealer);
    await cloneGitSource(opened.box, group.id, { ...stored.source, token });
    await this.#options.sessions.markSourceCloned(group.id);
  }

  #specOf(group: BoxGroup): BoxSpec {
    return {
      backend: group.backend,
      image: group.image ?? undefined,
      environment: environmentOf(group, this.#options.sealer),
      resources: group.resources,
      idleGraceMs: group.idleTimeoutMs,
      lifetimeMs: group.maxLifetimeMs,
    };
  }
}

const notFound = (what: string, stage: string) =>
  new SandboxError('not-found', `There is no such ${what}. Check its id and its workspace.`, {
    stage,
    started: 'no',
  });
