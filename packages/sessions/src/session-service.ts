import type { Backend, CreateSessionRequest, Session, SessionEventDraft } from '@boxyard/contracts';
import type { BoxLeases } from '@boxyard/leases';
import {
  type BackendRegistry,
  type CallOptions,
  type EventLog,
  type LeaseStore,
  type ListSessionsQuery,
  SandboxError,
  type Sealer,
  type SessionRecord,
  type SessionStore,
  type SessionWithGroup,
} from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { ActiveBoxes } from './active-boxes.ts';
import { foundGroup, refuseBoxOptions } from './box-group.ts';
import { describeSession } from './session-view.ts';

export interface SessionServiceOptions {
  readonly sessions: SessionStore;
  readonly events: EventLog;
  readonly leases: BoxLeases;
  readonly leaseStore: LeaseStore;
  readonly boxes: ActiveBoxes;
  readonly sealer: Sealer;
  readonly providers: BackendRegistry;
  /** Where a session gets its box when it does not say. */
  readonly defaultBackend: Backend;
  /** Ends what runs for this session alone: its commands and terminals. Called when it is deleted. */
  readonly endRunning: (session: SessionWithGroup, options: CallOptions) => Promise<void>;
  readonly now?: () => Date;
}

export interface SessionPage {
  readonly items: readonly Session[];
  /** The last id of this page when there may be more. */
  readonly next: string | null;
}

/** Sessions and the groups whose box they share. */
export class SessionService {
  readonly #options: SessionServiceOptions;
  readonly #now: () => Date;

  constructor(options: SessionServiceOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  /**
   * @throws SandboxError `invalid` for a backend that this server lacks, `unsupported` for a box that it cannot
   * make, `not-found` for a group to join that is not in this workspace.
   */
  async create(workspaceId: string, request: CreateSessionRequest): Promise<Session> {
    const createdAt = this.#now();
    const joined = request.sandbox === 'new' ? null : await this.#groupToJoin(workspaceId, request);
    const group =
      joined ??
      foundGroup(request, {
        id: uuidv7(),
        workspaceId,
        backend: this.#backendFor(request),
        createdAt,
        sealer: this.#options.sealer,
      });
    const session: SessionRecord = {
      id: uuidv7(),
      workspaceId,
      groupId: group.id,
      name: request.name ?? null,
      metadata: request.metadata,
      createdAt,
    };
    await this.#options.sessions.create(session, joined ? undefined : group);
    const created: SessionEventDraft = {
      type: 'session.created',
      data: { sandboxGroupId: group.id, backend: group.backend },
    };
    await this.#options.events.append({ sessionId: session.id }, [created], {
      leaseEpoch: 0,
      mutates: false,
    });
    if (request.start) await this.#start(workspaceId, session.id);
    return this.get(workspaceId, session.id);
  }

  async get(workspaceId: string, sessionId: string): Promise<Session> {
    const found = await this.#options.sessions.get(workspaceId, sessionId);
    if (!found) throw noSuchSession();
    return describeSession(found, await this.#options.leaseStore.read(found.group.id));
  }

  async list(workspaceId: string, query: ListSessionsQuery): Promise<SessionPage> {
    const found = await this.#options.sessions.list(workspaceId, query);
    const groupIds = [...new Set(found.map(({ group }) => group.id))];
    const leases = new Map(
      (await this.#options.leaseStore.list(groupIds)).map((lease) => [lease.groupId, lease]),
    );
    return {
      items: found.map((entry) => describeSession(entry, leases.get(entry.group.id) ?? null)),
      next: found.length < query.limit ? null : (found.at(-1)?.session.id ?? null),
    };
  }

  /** Works in every state and may be repeated; a shared box goes with its last session. */
  async delete(workspaceId: string, sessionId: string, options: CallOptions = {}): Promise<void> {
    const found = await this.#options.sessions.get(workspaceId, sessionId);
    if (!found) return;
    await this.#options.endRunning(found, options);
    const deleted = await this.#options.sessions.delete(workspaceId, sessionId);
    this.#options.boxes.forget(workspaceId, sessionId);
    for (const groupId of deleted?.freed ?? []) await this.removeGroup(workspaceId, groupId, options);
  }

  /** The box is destroyed, or condemned when its provider does not answer; then the group's row may go. */
  async removeGroup(workspaceId: string, groupId: string, options: CallOptions = {}): Promise<void> {
    await this.#options.leases.destroy({ workspaceId, groupId }, options);
    await this.#options.sessions.deleteGroup(groupId);
  }

  /**
   * Captures and frees the box; the next operation wakes it.
   * @throws SandboxError `conflict` while something keeps it, unless `force`.
   */
  async pause(
    workspaceId: string,
    sessionId: string,
    options: CallOptions & { readonly force: boolean },
  ): Promise<Session> {
    const found = await this.#options.sessions.get(workspaceId, sessionId);
    if (!found) throw noSuchSession();
    await this.#options.leases.pause({ workspaceId, groupId: found.group.id }, options);
    return this.get(workspaceId, sessionId);
  }

  async #start(workspaceId: string, sessionId: string): Promise<void> {
    const holder = { kind: 'request', id: sessionId, subject: 'start' } as const;
    await using _ = await this.#options.boxes.open(workspaceId, sessionId, holder);
  }

  async #groupToJoin(workspaceId: string, request: CreateSessionRequest) {
    if (request.sandbox === 'new') return null;
    refuseBoxOptions(request);
    const group = await this.#options.sessions.getGroup(workspaceId, request.sandbox.groupId);
    if (group) return group;
    throw new SandboxError(
      'not-found',
      'There is no such box group in this workspace. Check sandbox.groupId.',
      {
        stage: 'session.create',
        started: 'no',
      },
    );
  }

  #backendFor({ backend = this.#options.defaultBackend, image, resources }: CreateSessionRequest): Backend {
    const { providers } = this.#options;
    if (!providers.has(backend)) {
      throw new SandboxError(
        'invalid',
        `This server makes no boxes with ${backend}. Use one of: ${providers.backends.join(', ')}.`,
        { stage: 'session.create', started: 'no' },
      );
    }
    providers.provider(backend).accept({ image, resources });
    return backend;
  }
}

const noSuchSession = () =>
  new SandboxError('not-found', 'There is no such session. Check its id and its workspace.', {
    stage: 'session.find',
    started: 'no',
  });
