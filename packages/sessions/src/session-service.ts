import type {
  Backend,
  CreateSessionRequest,
  Machine,
  Session,
  SessionEventDraft,
  SwapSandboxRequest,
  SwapSandboxResponse,
} from '@boxyard/contracts';
import type { BoxLeases } from '@boxyard/leases';
import {
  activeGroupId,
  type BackendRegistry,
  type BoxGroup,
  type CallOptions,
  type EventLog,
  type LeaseStore,
  type ListSessionsQuery,
  type PointerStore,
  SandboxError,
  type Sealer,
  type SessionRecord,
  type SessionStore,
  type SessionWithGroup,
} from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { ActiveBoxes } from './active-boxes.ts';
import { foundGroup, refuseBoxOptions } from './box-group.ts';
import { BoxSwap, type SwapCall } from './box-swap.ts';
import { findMachine, MACHINE_AWAITED_MS, machineOf, type SessionMachines } from './session-machines.ts';
import { describeSession } from './session-view.ts';
import { replaceSourceToken } from './source-token.ts';
import { SwapTargets } from './swap-targets.ts';

export interface SessionServiceOptions {
  readonly sessions: SessionStore;
  readonly pointers: PointerStore;
  readonly events: EventLog;
  readonly leases: BoxLeases;
  readonly leaseStore: LeaseStore;
  readonly boxes: ActiveBoxes;
  readonly sealer: Sealer;
  /** Null, or absent, for a server without machines of users. */
  readonly machines?: SessionMachines | null | undefined;
  readonly providers: BackendRegistry;
  /** Where a session gets its box when it does not say. */
  readonly defaultBackend: Backend;
  /** Ends what runs for this session alone: its commands and terminals. Called when it is deleted. */
  readonly endRunning: (session: SessionWithGroup, options: CallOptions) => Promise<void>;
  /** How long the target of a swap may take to open. */
  readonly openDeadlineMs: number;
  /** What fails beside the work and is made good by itself. Nobody is told when absent. */
  readonly onTrouble?: (error: unknown) => void;
  /** How long a new token is in the record before a box has it; 5 s when absent. */
  readonly tokenHideFirstMs?: number | undefined;
  readonly now?: () => Date;
}

/** Twice what a running turn takes to look for another one. */
const TOKEN_HIDE_FIRST_MS = 5_000;

export interface SessionPage {
  readonly items: readonly Session[];
  /** The last id of this page when there may be more. */
  readonly next: string | null;
}

/** Sessions and the groups whose box they share. */
export class SessionService {
  readonly #options: SessionServiceOptions;
  readonly #now: () => Date;
  readonly #swap: BoxSwap;

  constructor(options: SessionServiceOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
    const onTrouble = options.onTrouble ?? (() => undefined);
    this.#swap = new BoxSwap({
      ...options,
      onTrouble,
      targets: new SwapTargets({ ...options, machines: options.machines ?? null, now: this.#now }),
    });
  }

  /**
   * @throws SandboxError `invalid` for a backend that this server lacks, `unsupported` for a box that it cannot
   * make, `not-found` for a group to join or a machine that is not in this workspace.
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
    const found = await this.#find(workspaceId, sessionId);
    const groupId = activeGroupId(found);
    const [lease, active] = await Promise.all([
      this.#options.leaseStore.read(groupId),
      groupId === found.group.id ? found.group : this.#options.sessions.getGroup(workspaceId, groupId),
    ]);
    const machine = await machineOf(this.#options.machines ?? null, active);
    return describeSession(found, { lease, restored: active?.restored ?? null, machine });
  }

  async list(workspaceId: string, query: ListSessionsQuery): Promise<SessionPage> {
    const found = await this.#options.sessions.list(workspaceId, query);
    const groupIds = [...new Set(found.map(activeGroupId))];
    const leases = new Map(
      (await this.#options.leaseStore.list(groupIds)).map((lease) => [lease.groupId, lease]),
    );
    const away = await Promise.all(
      [...new Set(found.flatMap(({ pointer }) => pointer.activeSandboxId ?? []))].map((id) =>
        this.#options.sessions.getGroup(workspaceId, id),
      ),
    );
    const groups = new Map([...away, ...found.map(({ group }) => group)].map((group) => [group?.id, group]));
    const active = [...groups.values()].filter((group) => group != null && groupIds.includes(group.id));
    const machines = new Map(
      await Promise.all(
        active.map(async (group) => {
          return [group?.id, await machineOf(this.#options.machines ?? null, group ?? null)] as const;
        }),
      ),
    );
    return {
      items: found.map((entry) => {
        const groupId = activeGroupId(entry);
        const restored = groups.get(groupId)?.restored ?? null;
        const machine = machines.get(groupId) ?? null;
        return describeSession(entry, { lease: leases.get(groupId) ?? null, restored, machine });
      }),
      next: found.length < query.limit ? null : (found.at(-1)?.session.id ?? null),
    };
  }

  /** Works in every state and may be repeated; a shared box goes with its last session, one made for a swap too. */
  async delete(workspaceId: string, sessionId: string, options: CallOptions = {}): Promise<void> {
    const found = await this.#options.sessions.get(workspaceId, sessionId);
    if (!found) return;
    await this.#options.endRunning(found, options);
    const deleted = await this.#options.sessions.delete(workspaceId, sessionId);
    this.#options.boxes.forget(workspaceId, sessionId);
    for (const groupId of deleted?.freed ?? []) await this.removeGroup(workspaceId, groupId, options);
  }

  /**
   * Replaces the token that the session's source is fetched from and pushed to with, also in a box that is up.
   *
   * @throws SandboxError `not-found`, and `invalid` for a session whose source takes no token.
   */
  replaceSourceToken(
    workspaceId: string,
    sessionId: string,
    token: string,
  ): Promise<{ readonly inBox: boolean }> {
    const { onTrouble = () => undefined, tokenHideFirstMs: hideFirstMs = TOKEN_HIDE_FIRST_MS } =
      this.#options;
    return replaceSourceToken(
      { ...this.#options, onTrouble, hideFirstMs },
      { workspaceId, sessionId },
      token,
    );
  }

  /** The box is destroyed, or condemned when its provider does not answer; then the group's row may go. */
  async removeGroup(workspaceId: string, groupId: string, options: CallOptions = {}): Promise<void> {
    await this.#options.leases.destroy({ workspaceId, groupId }, options);
    await this.#options.sessions.deleteGroup(groupId);
  }

  /**
   * Sends the session to another box. The target is opened and proven first; then the pointer moves, in one step
   * with its event; then the box that was left refuses what is still on its way to it. What runs there goes on and
   * keeps it. To what is active already it is no swap, and answers as one.
   *
   * @throws SandboxError `fenced` for another epoch than the expected one, `not-found` for a session or group that
   * is not in this workspace, `unsupported` for what cannot be had here, `conflict` when `carry` would replace the
   * files of others, `unreachable` when the target is not ready; nothing has changed then. `outcome-unknown` when
   * the record did not answer at the last step.
   */
  async swap(
    workspaceId: string,
    sessionId: string,
    request: SwapSandboxRequest,
    call: SwapCall,
  ): Promise<SwapSandboxResponse> {
    return this.#swap.swap(await this.#find(workspaceId, sessionId), request, call);
  }

  /**
   * Captures and frees the box that the session works in; the next operation wakes it.
   * @throws SandboxError `conflict` while something keeps it, unless `force`.
   */
  async pause(
    workspaceId: string,
    sessionId: string,
    options: CallOptions & { readonly force: boolean },
  ): Promise<Session> {
    const found = await this.#find(workspaceId, sessionId);
    await this.#options.leases.pause({ workspaceId, groupId: activeGroupId(found) }, options);
    return this.get(workspaceId, sessionId);
  }

  /** Whether machines of users can be boxes here. */
  get hasMachines(): boolean {
    return this.#options.machines != null;
  }

  /** The machines of users in this workspace, as they are now. */
  async machines(workspaceId: string): Promise<readonly Machine[]> {
    return (await this.#options.machines?.list(workspaceId)) ?? [];
  }

  /**
   * The group that all sessions on a machine share.
   *
   * @throws SandboxError `not-found` for a machine that is not in this workspace.
   */
  async groupOfMachine(workspaceId: string, machineId: string): Promise<BoxGroup> {
    await findMachine(this.#options.machines ?? null, workspaceId, machineId);
    const taken = { id: uuidv7(), workspaceId, machineId };
    return this.#options.sessions.takeMachineGroup(taken, { awaitedForMs: MACHINE_AWAITED_MS });
  }

  async #find(workspaceId: string, sessionId: string): Promise<SessionWithGroup> {
    const found = await this.#options.sessions.get(workspaceId, sessionId);
    if (found !== null) return found;
    throw new SandboxError('not-found', 'There is no such session. Check its id and its workspace.', {
      stage: 'session.find',
      started: 'no',
    });
  }

  async #start(workspaceId: string, sessionId: string): Promise<void> {
    const holder = { kind: 'request', id: sessionId, subject: 'start' } as const;
    await using _ = await this.#options.boxes.open(workspaceId, sessionId, holder);
  }

  async #groupToJoin(workspaceId: string, request: CreateSessionRequest) {
    if (request.sandbox === 'new') return null;
    refuseBoxOptions(request);
    if ('machineId' in request.sandbox) return this.groupOfMachine(workspaceId, request.sandbox.machineId);
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
