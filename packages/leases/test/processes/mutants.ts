// Leases that are wrong on purpose: what one server does to the record is changed from outside, in tests only.
import {
  type CallOptions,
  coldLease,
  type JoinHolder,
  type LeaseEvent,
  type LeaseEventType,
  type LeaseOutcomes,
  transitionLease,
} from '@boxyard/sandbox-core';
import type { TestStore } from '@boxyard/store-postgres/testing';
import type { LeaseContext } from '../../src/index.ts';

/** Where an order of events can be arranged. */
export interface Passage {
  pass(): Promise<void>;
}

type Outcome = LeaseOutcomes[LeaseEventType] | null;
type Apply = (groupId: string, event: LeaseEvent, options?: CallOptions) => Promise<Outcome>;

/** Every event of the server passes through `around` on its way to the record. */
function changeApply(context: LeaseContext, around: (apply: Apply) => Apply): void {
  const apply: Apply = (groupId, event, options) =>
    context.constructor.prototype.apply.call(context, groupId, event, options);
  Object.defineProperty(context, 'apply', { value: around(apply) });
}

/** An event of this type is taken whatever epoch it is of. */
export function ignoreEpoch(context: LeaseContext, type: 'created' | 'commit'): void {
  changeApply(context, (apply) => async (groupId, event, options) => {
    if (event.type !== type) return apply(groupId, event, options);
    const lease = await context.store.read(groupId);
    return apply(groupId, { ...event, epoch: lease?.epoch ?? event.epoch }, options);
  });
}

/** A heartbeat of an attempt that was replaced is taken for one of its successor. */
export function ignoreAttempt(context: LeaseContext): void {
  changeApply(context, (apply) => async (groupId, event, options) => {
    if (event.type !== 'heartbeat') return apply(groupId, event, options);
    const { kind, id } = event.holder;
    const lease = await context.store.read(groupId);
    const present = lease?.holders.find((holder) => holder.kind === kind && holder.id === id);
    return apply(groupId, { ...event, holder: present ?? event.holder }, options);
  });
}

/** The reaper judges the row as it was before it had the row to itself. */
export function countBeforeLock(context: LeaseContext, between: Passage): void {
  changeApply(context, (apply) => async (groupId, event, options) => {
    const seen = await context.store.read(groupId);
    if (event.type !== 'due' || seen === null) return apply(groupId, event, options);
    await between.pass();
    return context.store.changeExisting(groupId, (_, nowMs) => {
      const { lease, condemned, outcome } = transitionLease(seen, event, nowMs, context.settings);
      return { lease: { ...lease }, condemned, result: outcome };
    });
  });
}

/** A box is destroyed before what it holds is captured. */
export function destroyBeforeCapture(context: LeaseContext): void {
  changeApply(context, (apply) => async (groupId, event, options) => {
    const outcome = await apply(groupId, event, options);
    if (outcome?.kind === 'terminate')
      await context.providers.providerNamed(outcome.box.provider).destroy(outcome.box);
    return outcome;
  });
}

/** Who acquires passes over a row that somebody else has locked, and takes it for one that is not there. */
export function skipLocked(context: LeaseContext, { sql }: Pick<TestStore, 'sql'>): void {
  const isFree = async (groupId: string) =>
    (await sql`SELECT FROM leases WHERE group_id = ${groupId} FOR UPDATE SKIP LOCKED`).length > 0;
  const { store } = context;
  const join = async (groupId: string, holder: JoinHolder, options?: CallOptions) =>
    (await isFree(groupId)) ? store.join(groupId, holder, options) : null;
  const skipping = new Proxy(store, {
    get(target, name) {
      if (name === 'join') return join;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  Object.defineProperty(context, 'store', { value: skipping });
  const { applyOrInsert } = context;
  Object.defineProperty(context, 'applyOrInsert', {
    value: async (
      group: { readonly groupId: string; readonly workspaceId: string },
      event: LeaseEvent,
      options?: CallOptions,
    ) => {
      if (await isFree(group.groupId)) return applyOrInsert.call(context, group, event, options);
      const absent = coldLease(group.groupId, group.workspaceId);
      return transitionLease<LeaseEventType>(absent, event, 0, context.settings).outcome;
    },
  });
}

/** Everything that has been listed for this long is taken for forgotten. */
export class SweepByAge {
  readonly #context: LeaseContext;
  readonly #seen = new Map<string, number>();

  constructor(context: LeaseContext) {
    this.#context = context;
  }

  async run(nowMs: number, oldMs: number): Promise<void> {
    const provider = this.#context.providers.provider('docker');
    if (!provider.listing.available) return;
    for await (const { ref } of provider.listing.use.list()) {
      const sinceMs = this.#seen.get(ref.instance) ?? nowMs;
      this.#seen.set(ref.instance, sinceMs);
      if (nowMs - sinceMs > oldMs) await provider.destroy(ref);
    }
  }
}
