/** Opens the boxes that sessions work in: pointer, lease, environment, source, journal. Everything else goes through it. */
import type { RestoreReceipt } from '@boxyard/contracts';
import type { BoxLeases, BoxSpec, OpenBox } from '@boxyard/leases';
import { type OpenedBox, RoutedBox, SettledPointer } from '@boxyard/routing';
import {
  type ActivePointer,
  type Box,
  type BoxGroup,
  bounded,
  type CallOptions,
  type ChangeJournal,
  type EventLog,
  type HolderKind,
  type LeaseStore,
  type NewEvent,
  type PointerStore,
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
import { type GroupRedactors, GroupSecrets } from './group-secrets.ts';
import { factsOf, type MachineFacts, type SessionMachines } from './session-machines.ts';
import { SessionPointers } from './session-pointers.ts';

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
  /**
   * What becomes of calls when the session moves to another box meanwhile. `settle`, for one request: they go on in
   * the box that was active at first, until that refuses them; then where the session works now. `follow`, for a
   * turn: each goes to where the session works then. `stay`, for a command: they are refused, and so are changes
   * that begin after the session has left. `settle` when absent.
   */
  readonly onSwap?: 'settle' | 'follow' | 'stay' | undefined;
}

/** A box that is held until it is disposed of. All members are of the box that the latest call went to. */
export interface ActiveBox extends AsyncDisposable {
  readonly group: BoxGroup;
  readonly box: Box;
  readonly epoch: number;
  readonly journal: ChangeJournal;
  /** What was restored when the box was opened here; null when nothing was, or when somebody else was told. */
  readonly receipt: RestoreReceipt | null;
}

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

const CACHED_SESSIONS = 10_000;

/** The `stage` of a `timeout` that came before the work: the box was not there in time. */
export const BOX_OPEN_STAGE = 'box.open';

export class ActiveBoxes {
  readonly #options: ActiveBoxesOptions;
  readonly #known: LRUCache<string, SessionWithGroup>;
  /** Groups that are no session's home here: those that sessions went to. */
  readonly #groups: LRUCache<string, BoxGroup>;
  readonly #pointers: SessionPointers;
  /** Boxes of this process that go where their session goes. */
  readonly #followers = new Map<string, Set<RoutedBox<OpenedBox>>>();
  readonly #secrets: GroupSecrets;
  /** Two first operations of one process must not clone twice; other processes wait in the box, at git's lock. */
  readonly #cloning = new Map<string, Promise<void>>();

  constructor(options: ActiveBoxesOptions) {
    this.#options = options;
    const cache = { max: CACHED_SESSIONS, ttl: Math.max(1, options.cacheMs) };
    this.#known = new LRUCache(cache);
    this.#groups = new LRUCache(cache);
    this.#pointers = new SessionPointers(options.pointers);
    this.#secrets = new GroupSecrets(options.sealer);
  }

  /** @throws SandboxError `not-found` for a session that is not there, or not in this workspace. */
  async find(workspaceId: string, sessionId: string): Promise<SessionWithGroup> {
    const key = `${workspaceId}/${sessionId}`;
    const found = this.#known.get(key) ?? (await this.#options.sessions.get(workspaceId, sessionId));
    if (!found) throw notFound('session', 'session.find');
    this.#known.set(key, found);
    return found;
  }

  /** The session and the group whose box it works in at present. @throws as `find` does. */
  async findActive(
    workspaceId: string,
    sessionId: string,
  ): Promise<SessionWithGroup & { readonly active: BoxGroup }> {
    const found = await this.find(workspaceId, sessionId);
    const pointer = await this.#pointers.of(workspaceId, sessionId).read();
    return { ...found, pointer, active: await this.#groupAt(found, pointer) };
  }

  /** What a machine of a user adds to what its sessions can do; nothing for any other box. */
  async machineFacts({ machineId, workspaceId }: BoxGroup): Promise<MachineFacts | undefined> {
    if (machineId === null) return undefined;
    return factsOf((await this.#options.machines?.find(workspaceId, machineId)) ?? null);
  }

  /** What is remembered of the session is dropped: it was changed or deleted. */
  forget(workspaceId: string, sessionId: string): void {
    this.#known.delete(`${workspaceId}/${sessionId}`);
    this.#pointers.forget(workspaceId, sessionId);
  }

  /** The pointer was moved by this process: nobody here works where it was, and who follows is there already. */
  async moved(workspaceId: string, sessionId: string): Promise<void> {
    this.#pointers.of(workspaceId, sessionId).distrust();
    this.#known.delete(`${workspaceId}/${sessionId}`);
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
          this.openGroupBox(await this.#groupAt(found, to), holder, { ...asked, ...call }),
      },
      { signal, deadlineMs: deadlineMs ?? this.#options.openDeadlineMs },
    );
    const box = await inTime(opening);
    if (onSwap === 'follow') this.#follows(sessionId, box);
    return activeBox(box, () => this.#followsNoMore(sessionId, box));
  }

  /** For work that knows only the group: a command that a former server process started. */
  async openGroup(groupId: string, holder: BoxHolder, options: OpenBoxOptions = {}): Promise<ActiveBox> {
    return inTime(this.openGroupBox(await this.#findGroup(groupId), holder, options));
  }

  /** Hides what the group's environment and source token hold, as far as this process has heard. */
  async redactorFor(groupId: string): Promise<Redactor> {
    return this.#secrets.redactorsFor(await this.#findGroup(groupId)).all;
  }

  /** As `redactorFor`, by what the record has now: for work that goes on while a token is replaced. */
  async redactorsNow(workspaceId: string, groupId: string): Promise<GroupRedactors> {
    return this.#secrets.redactorsFor(await this.#readGroup(workspaceId, groupId));
  }

  /** As `redactorsNow`, as far as this process has heard, without asking anybody; null for an unknown group. */
  redactorsKnown(groupId: string): GroupRedactors | null {
    return this.#secrets.known(groupId);
  }

  /** The newest token is brought to the box. False when there is none. */
  giveToken(
    { box, group, epoch }: Pick<ActiveBox, 'box' | 'group' | 'epoch'>,
    call: CallOptions = {},
  ): Promise<boolean> {
    const read = () => this.#options.sessions.getGroup(group.workspaceId, group.id);
    return this.#secrets.bringTo(box, group, { epoch, read, ...call });
  }

  /** What is remembered of the groups is dropped: they were changed. */
  forgetGroups(groupIds: readonly string[]): void {
    for (const groupId of groupIds) this.#forgetGroup(groupId);
  }

  async #findGroup(groupId: string): Promise<BoxGroup> {
    for (const known of this.#known.values()) if (known.group.id === groupId) return known.group;
    const known = this.#groups.get(groupId);
    if (known !== undefined) return known;
    const lease = await this.#options.leaseStore.read(groupId);
    if (lease === null) throw notFound('box group', 'group.find');
    return this.#readGroup(lease.workspaceId, groupId);
  }

  async #groupAt(
    { session, group }: SessionWithGroup,
    { activeSandboxId }: ActivePointer,
  ): Promise<BoxGroup> {
    if (activeSandboxId === null) return group;
    return this.#groups.get(activeSandboxId) ?? this.#readGroup(session.workspaceId, activeSandboxId);
  }

  async #readGroup(workspaceId: string, groupId: string): Promise<BoxGroup> {
    const group = await this.#options.sessions.getGroup(workspaceId, groupId);
    if (group === null) throw notFound('box group', 'group.find');
    this.#groups.set(groupId, group);
    return group;
  }

  #forgetGroup(groupId: string): void {
    this.#groups.delete(groupId);
    for (const [key, { group }] of this.#known.entries()) if (group.id === groupId) this.#known.delete(key);
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

  /** The box of a group, whoever works in it. */
  openGroupBox(group: BoxGroup, holder: BoxHolder, options: OpenBoxOptions = {}): Promise<ActiveBox> {
    const attributes = { 'boxyard.group': group.id, 'boxyard.backend': group.backend };
    return traced('box.open', attributes, () => this.#openHeld(group, holder, options));
  }

  async #openHeld(
    group: BoxGroup,
    holder: BoxHolder,
    { mutates = false, onSwap: _, ...options }: OpenBoxOptions,
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
        await bounded({ ...options, deadlineMs }, 'Cloning the source', () => this.#cloneOnce(group));
      }
      // Without it git says that it may not, which is no reason to keep somebody from the files of the box.
      await this.giveToken({ box: opened.box, group, epoch: opened.epoch }).catch(() => undefined);
      if (mutates) await opened.markDirty();
      return {
        group,
        box: opened.box,
        epoch: opened.epoch,
        receipt: opened.receipt,
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
  #cloneOnce(group: BoxGroup): Promise<void> {
    const running = this.#cloning.get(group.id);
    if (running) return running;
    const clone = this.#clone(group).finally(() => {
      this.#cloning.delete(group.id);
      this.#forgetGroup(group.id);
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
    const { machines = null } = this.#options;
    const { machineId, workspaceId } = group;
    return {
      backend: group.backend,
      standing: machineId === null ? undefined : machines?.refOf(workspaceId, machineId),
      image: group.image ?? undefined,
      environment: environmentOf(group, this.#options.sealer),
      resources: group.resources,
      idleGraceMs: group.idleTimeoutMs,
      lifetimeMs: group.maxLifetimeMs,
    };
  }
}

/** The journal is of the group that the latest call went to: what it did is recorded there. */
function activeBox(box: RoutedBox<ActiveBox>, onClosed: () => void): ActiveBox {
  return {
    box,
    get group() {
      return box.opened.group;
    },
    get epoch() {
      return box.opened.epoch;
    },
    get receipt() {
      return box.opened.receipt;
    },
    journal: {
      get groupId() {
        return box.opened.group.id;
      },
      revision: () => box.opened.journal.revision(),
      record: (events) => box.opened.journal.record(events),
    },
    [Symbol.asyncDispose]: async () => {
      onClosed();
      await box.close();
    },
  };
}

/** Whatever the box was wanted for has not begun, whichever step of getting it took too long. */
const inTime = <T>(opening: Promise<T>): Promise<T> =>
  opening.catch((error: unknown) => {
    if (!SandboxError.hasCode(error, 'timeout')) throw error;
    throw new SandboxError(
      'timeout',
      'The box is not ready yet; it is being made meanwhile. Try again in a moment.',
      { stage: BOX_OPEN_STAGE, started: 'no', retryable: true, cause: error },
    );
  });

const notFound = (what: string, stage: string) =>
  new SandboxError('not-found', `There is no such ${what}. Check its id and its workspace.`, {
    stage,
    started: 'no',
  });
