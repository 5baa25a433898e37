/** Opens the box of a group: its lease, its source, its token, its journal. */
import type { BoxLeases, BoxSpec, OpenBox } from '@boxyard/leases';
import {
  type BoxGroup,
  bounded,
  type CallOptions,
  type ChangeJournal,
  type EventLog,
  type NewEvent,
  type Sealer,
  type SessionStore,
  traced,
} from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { ActiveBox, BoxHolder, OpenBoxOptions } from './active-box.ts';
import { environmentOf, sourceTokenOf } from './box-group.ts';
import { cloneGitSource } from './git-source.ts';
import type { GroupSecrets } from './group-secrets.ts';
import type { SessionMachines } from './session-machines.ts';

export interface GroupBoxesOptions {
  readonly sessions: SessionStore;
  readonly events: EventLog;
  readonly leases: BoxLeases;
  readonly sealer: Sealer;
  readonly secrets: GroupSecrets;
  readonly machines?: SessionMachines | null | undefined;
  readonly openDeadlineMs: number;
  /** The group is not any more what was remembered of it: its source has been cloned. */
  readonly onCloned: (groupId: string) => void;
}

export class GroupBoxes {
  readonly #options: GroupBoxesOptions;
  /** Two first operations of one process must not clone twice; other processes wait in the box, at git's lock. */
  readonly #cloning = new Map<string, Promise<void>>();

  constructor(options: GroupBoxesOptions) {
    this.#options = options;
  }

  open(group: BoxGroup, holder: BoxHolder, options: OpenBoxOptions = {}): Promise<ActiveBox> {
    const attributes = { 'boxyard.group': group.id, 'boxyard.backend': group.backend };
    return traced('box.open', attributes, () => this.#openHeld(group, holder, options));
  }

  /** The newest token is brought to the box. False when there is none. */
  giveToken(
    { box, group, epoch }: Pick<ActiveBox, 'box' | 'group' | 'epoch'>,
    call: CallOptions = {},
  ): Promise<boolean> {
    const read = () => this.#options.sessions.getGroup(group.workspaceId, group.id);
    return this.#options.secrets.bringTo(box, group, { epoch, read, ...call });
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
      this.#options.onCloned(group.id);
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
