import {
  type ArtifactLedger,
  type BackendRegistry,
  type BlobStore,
  type BoxRef,
  type CallOptions,
  type Clock,
  type Lease,
  type LeaseDecision,
  type LeaseEvent,
  type LeaseEventType,
  type LeaseOutcomes,
  type LeaseStore,
  systemClock,
  transitionLease,
  type UsageStore,
} from '@boxyard/sandbox-core';
import type { LeaseNotice } from './lease-notice.ts';
import { DEFAULT_LEASES_SETTINGS, type LeasesSettings, settingsFor } from './leases-settings.ts';

export interface LeaseContextOptions {
  /** Names this installation in the tags of its boxes; whoever shares an account needs another one. */
  readonly deployment: string;
  readonly store: LeaseStore;
  readonly ledger: ArtifactLedger;
  readonly blobs: BlobStore;
  /** With it, boxes of a workspace whose budget is used up are stopped and not opened. */
  readonly usage?: UsageStore | undefined;
  readonly providers: BackendRegistry;
  readonly clock?: Clock | undefined;
  readonly settings?: Partial<LeasesSettings> | undefined;
  readonly onEvent?: ((notice: LeaseNotice) => void) | undefined;
}

/** The ports, the settings, and the one way of putting an event to a lease. */
export class LeaseContext {
  readonly deployment: string;
  readonly store: LeaseStore;
  readonly ledger: ArtifactLedger;
  readonly blobs: BlobStore;
  readonly usage: UsageStore | null;
  readonly providers: BackendRegistry;
  readonly clock: Clock;
  readonly settings: LeasesSettings;
  readonly #onEvent: (notice: LeaseNotice) => void;

  constructor(options: LeaseContextOptions) {
    this.deployment = options.deployment;
    this.store = options.store;
    this.ledger = options.ledger;
    this.blobs = options.blobs;
    this.usage = options.usage ?? null;
    this.providers = options.providers;
    this.clock = options.clock ?? systemClock;
    this.settings = { ...DEFAULT_LEASES_SETTINGS, ...options.settings };
    this.#onEvent = options.onEvent ?? (() => {});
  }

  tell(notice: LeaseNotice): void {
    this.#onEvent(notice);
  }

  trouble(stage: string, groupId: string | null, error: unknown): void {
    this.tell({ type: 'trouble', stage, groupId, error });
  }

  /** For work that is tried again by itself: its failure is told and does not stop the caller. */
  async attempt<T>(stage: string, groupId: string | null, work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      this.trouble(stage, groupId, error);
      return null;
    }
  }

  /** Without its provider here a box has the general settings: its lease can still be ended. */
  settingsOf(ref: BoxRef | null): LeasesSettings {
    const { backends } = this.providers;
    const provider = backends
      .map((backend) => this.providers.provider(backend))
      .find(({ name }) => name === ref?.provider);
    return provider === undefined ? this.settings : settingsFor(this.settings, provider);
  }

  #decide<Type extends LeaseEventType>(
    event: { readonly type: Type } & LeaseEvent<Type>,
    made: BoxRef | null,
    decided: { last: readonly [Lease, Lease] | null },
  ): (lease: Lease, nowMs: number) => LeaseDecision<LeaseOutcomes[Type]> {
    return (lease, nowMs) => {
      const judged = transitionLease(lease, event, nowMs, this.settingsOf(lease.box ?? made));
      // A reaper's look is always stored: the row may have been due earlier than its lease says.
      const next = event.type === 'due' ? { ...judged.lease } : judged.lease;
      decided.last = [lease, next];
      return { lease: next, condemned: judged.condemned, result: judged.outcome };
    };
  }

  /** The store may have asked several times; only the last answer was committed. */
  #tellTransition({ last }: { readonly last: readonly [Lease, Lease] | null }): void {
    if (last === null) return;
    const [{ groupId, state: from }, { state: to }] = last;
    if (from !== to) this.tell({ type: 'transition', groupId, from, to });
  }

  /**
   * Null when there is no such lease. `made`: the box that the event brings, whose provider has settings of
   * its own.
   */
  async apply<Type extends LeaseEventType>(
    groupId: string,
    event: { readonly type: Type } & LeaseEvent<Type>,
    options: CallOptions & { readonly made?: BoxRef } = {},
  ): Promise<LeaseOutcomes[Type] | null> {
    const decided = { last: null };
    const decide = this.#decide(event, options.made ?? null, decided);
    const outcome = await this.store.changeExisting(groupId, decide, options);
    this.#tellTransition(decided);
    return outcome;
  }

  /** As `apply`, for a group that may have no lease yet. */
  async applyOrInsert<Type extends LeaseEventType>(
    group: { readonly groupId: string; readonly workspaceId: string },
    event: { readonly type: Type } & LeaseEvent<Type>,
    options: CallOptions = {},
  ): Promise<LeaseOutcomes[Type]> {
    const decided = { last: null };
    const outcome = await this.store.change(group, this.#decide(event, null, decided), options);
    this.#tellTransition(decided);
    return outcome;
  }
}
