/** Opens the boxes that sessions work in: pointer, lease, environment, source, journal. Everything else goes through it. */
import type { BoxLeases } from '@boxyard/leases';
import { type OpenedBox, RoutedBox, SettledPointer } from '@boxyard/routing';
import type {
  BoxGroup,
  CallOptions,
  EventLog,
  LeaseStore,
  PointerStore,
  Redactor,
  Sealer,
  SessionStore,
  SessionWithGroup,
} from '@boxyard/sandbox-core';
import { type ActiveBox, activeBox, type BoxHolder, type OpenBoxOptions } from './active-box.ts';
import { GroupBoxes } from './group-boxes.ts';
import { type GroupRedactors, GroupSecrets } from './group-secrets.ts';
import { KnownSessions } from './known-sessions.ts';
import { openInTime } from './open-in-time.ts';
import { factsOf, type MachineFacts, type SessionMachines } from './session-machines.ts';
import { SessionPointers } from './session-pointers.ts';

export interface ActiveBoxesOptions {
  readonly sessions: SessionStore;
  readonly pointers: PointerStore;
  readonly events: EventLog;
  readonly leases: BoxLeases;
  readonly leaseStore: LeaseStore;
  readonly sealer: Sealer;
  /** Null, or absent, for a process without machines of users. */
  readonly machines?: SessionMachines | null | undefined;
  /** How long an operation waits for its box when it says nothing. */
  readonly openDeadlineMs: number;
  /** How long a session that was looked up is believed; a deletion by another process is noticed after it. */
  readonly cacheMs: number;
}

export class ActiveBoxes {
  readonly #options: ActiveBoxesOptions;
  readonly #known: KnownSessions;
  readonly #pointers: SessionPointers;
  readonly #secrets: GroupSecrets;
  readonly #groups: GroupBoxes;
  /** Boxes of this process that go where their session goes. */
  readonly #followers = new Map<string, Set<RoutedBox<OpenedBox>>>();

  constructor(options: ActiveBoxesOptions) {
    this.#options = options;
    this.#known = new KnownSessions(options);
    this.#pointers = new SessionPointers(options.pointers);
    this.#secrets = new GroupSecrets(options.sealer);
    this.#groups = new GroupBoxes({
      ...options,
      secrets: this.#secrets,
      onCloned: (groupId) => this.#known.forgetGroup(groupId),
    });
  }

  /** @throws SandboxError `not-found` for a session that is not there, or not in this workspace. */
  find(workspaceId: string, sessionId: string): Promise<SessionWithGroup> {
    return this.#known.find(workspaceId, sessionId);
  }

  /** The session and the group whose box it works in at present. @throws as `find` does. */
  async findActive(
    workspaceId: string,
    sessionId: string,
  ): Promise<SessionWithGroup & { readonly active: BoxGroup }> {
    const found = await this.find(workspaceId, sessionId);
    const pointer = await this.#pointers.of(workspaceId, sessionId).read();
    return { ...found, pointer, active: await this.#known.groupAt(found, pointer) };
  }

  /** What a machine of a user adds to what its sessions can do; nothing for any other box. */
  async machineFacts({ machineId, workspaceId }: BoxGroup): Promise<MachineFacts | undefined> {
    if (machineId === null) return undefined;
    return factsOf((await this.#options.machines?.find(workspaceId, machineId)) ?? null);
  }

  /** What is remembered of the session is dropped: it was changed or deleted. */
  forget(workspaceId: string, sessionId: string): void {
    this.#known.forget(workspaceId, sessionId);
    this.#pointers.forget(workspaceId, sessionId);
  }

  /** The pointer was moved by this process: nobody here works where it was, and who follows is there already. */
  async moved(workspaceId: string, sessionId: string): Promise<void> {
    this.#pointers.of(workspaceId, sessionId).distrust();
    this.#known.forget(workspaceId, sessionId);
    const followers = [...(this.#followers.get(sessionId) ?? [])];
    // One that cannot follow now says so to its own next call.
    await Promise.allSettled(followers.map((box) => box.follow()));
  }

  /**
   * Resolves once the session works in the box of another group than this one. Not at all when the signal aborts
   * first: then nobody waits for it.
   */
  whenElsewhere(workspaceId: string, sessionId: string, groupId: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = async () => {
        this.#pointers.of(workspaceId, sessionId).distrust();
        const { active } = await this.findActive(workspaceId, sessionId);
        if (active.id !== groupId) resolve();
      };
      // A look that fails is not the last: the store says so again when it is back.
      const lookAgain = () => void look().catch(() => undefined);
      const stop = this.#options.pointers.subscribe(sessionId, lookAgain);
      signal.addEventListener('abort', stop, { once: true });
      // It may have moved between its opening and now.
      lookAgain();
    });
  }

  /** The one way to open the box that a session works in. */
  async open(
    workspaceId: string,
    sessionId: string,
    holder: BoxHolder,
    options: OpenBoxOptions = {},
  ): Promise<ActiveBox> {
    const { onSwap = 'settle', signal, deadlineMs, ...asked } = options;
    const found = await this.find(workspaceId, sessionId);
    const pointer = this.#pointers.of(workspaceId, sessionId);
    const opening = RoutedBox.open(
      {
        sessionId,
        pointer: onSwap === 'follow' ? pointer : new SettledPointer(pointer),
        stays: onSwap === 'stay',
        open: async (to, call) =>
          this.openGroupBox(await this.#known.groupAt(found, to), holder, { ...asked, ...call }),
      },
      { signal, deadlineMs: deadlineMs ?? this.#options.openDeadlineMs },
    );
    const box = await openInTime(opening);
    if (onSwap === 'follow') this.#follows(sessionId, box);
    return activeBox(box, () => this.#followsNoMore(sessionId, box));
  }

  /** For work that knows only the group: a command that a former server process started. */
  async openGroup(groupId: string, holder: BoxHolder, options: OpenBoxOptions = {}): Promise<ActiveBox> {
    return openInTime(this.openGroupBox(await this.#known.findGroup(groupId), holder, options));
  }

  /** Hides what the group's environment and source token hold, as far as this process has heard. */
  async redactorFor(groupId: string): Promise<Redactor> {
    return this.#secrets.redactorsFor(await this.#known.findGroup(groupId)).all;
  }

  /** As `redactorFor`, by what the record has now: for work that goes on while a token is replaced. */
  async redactorsNow(workspaceId: string, groupId: string): Promise<GroupRedactors> {
    return this.#secrets.redactorsFor(await this.#known.readGroup(workspaceId, groupId));
  }

  /** As `redactorsNow`, as far as this process has heard, without asking anybody; null for an unknown group. */
  redactorsKnown(groupId: string): GroupRedactors | null {
    return this.#secrets.known(groupId);
  }

  /** The box of a group, whoever works in it. */
  openGroupBox(group: BoxGroup, holder: BoxHolder, options: OpenBoxOptions = {}): Promise<ActiveBox> {
    return this.#groups.open(group, holder, options);
  }

  /** The newest token is brought to the box. False when there is none. */
  giveToken(active: Pick<ActiveBox, 'box' | 'group' | 'epoch'>, call: CallOptions = {}): Promise<boolean> {
    return this.#groups.giveToken(active, call);
  }

  /** What is remembered of the groups is dropped: they were changed. */
  forgetGroups(groupIds: readonly string[]): void {
    for (const groupId of groupIds) this.#known.forgetGroup(groupId);
  }

  #follows(sessionId: string, box: RoutedBox<OpenedBox>): void {
    const followers = this.#followers.get(sessionId) ?? new Set();
    this.#followers.set(sessionId, followers.add(box));
  }

  #followsNoMore(sessionId: string, box: RoutedBox<OpenedBox>): void {
    const followers = this.#followers.get(sessionId);
    followers?.delete(box);
    if (followers?.size === 0) this.#followers.delete(sessionId);
  }
}
