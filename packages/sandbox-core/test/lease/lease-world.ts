// A world of one box group: the row, the provider's boxes, the archives and any number of processes that may
// stop between any two of their statements. What must always hold is judged from what the processes saw and the
// provider did, not from the transitions under test.
import { randomUUID } from 'node:crypto';
import {
  type BoxRef,
  type BoxToDestroy,
  coldLease,
  DEFAULT_LEASE_SETTINGS,
  type HolderKey,
  type HolderKind,
  type Lease,
  type LeaseEvent,
  type LeaseEventType,
  type LeaseOutcomes,
  type LeaseSettings,
  type LeaseTransition,
  type Spawn,
  type Terminate,
  transitionLease,
} from '../../src/index.ts';

export const SETTINGS: LeaseSettings = {
  ...DEFAULT_LEASE_SETTINGS,
  idleGraceMs: 300,
  warmingTtlMs: 200,
  terminatingTtlMs: 80,
  captureIntervalMs: 20,
  captureRetryMs: 50,
  holders: {
    request: { heartbeatMs: 30, ttlMs: 90 },
    turn: { heartbeatMs: 5, ttlMs: 20 },
    process: { heartbeatMs: 30, ttlMs: 90 },
    viewer: { heartbeatMs: 45, ttlMs: 90 },
  },
};

export type Transition = (
  lease: Lease,
  event: LeaseEvent,
  nowMs: number,
  settings: LeaseSettings,
) => LeaseTransition<LeaseOutcomes[LeaseEventType]>;

/** The true one, for callers that do not know which event they have. */
export const judge: Transition = (lease, event, nowMs, settings) =>
  transitionLease<LeaseEventType>(lease, event, nowMs, settings);

/** How a world may be wrong on purpose, to see that somebody notices. */
export interface Mutation {
  readonly transition?: Transition;
  readonly destroysBeforeCapture?: boolean;
  readonly sweepsByAge?: boolean;
  readonly countsBeforeLock?: boolean;
}

interface ProviderBox {
  readonly ref: BoxRef;
  readonly epoch: number;
  readonly madeAtMs: number;
  /** How many changes the workspace holds; they only grow. */
  content: number;
}

/** `cloud`: destroyed when it stops. `stopped`: kept, with an id of its own. `folder`: kept, named after its group. */
export type BoxKind = 'cloud' | 'stopped' | 'folder';

type Steps = Generator<void, void, void>;

export class BrokenPromise extends Error {}

const EPOCH_CHECKED: readonly LeaseEventType[] = ['created', 'commit', 'fail', 'claimBeat', 'captured'];

export class LeaseWorld {
  nowMs = 1000;
  lease: Lease = coldLease('group', 'workspace');
  readonly boxes = new Map<string, ProviderBox>();
  readonly condemned = new Map<string, BoxToDestroy>();
  readonly #archives: { readonly sequence: number; readonly content: number; readonly box: string }[] = [];
  readonly #live = new Map<string, { readonly holder: HolderKey; expiresAtMs: number }>();
  readonly #mutation: Mutation;
  readonly #kind: BoxKind;
  readonly #parks: boolean;
  #sequence = 0;
  #made = 0;

  constructor(kind: BoxKind, mutation: Mutation = {}) {
    this.#kind = kind;
    this.#parks = kind !== 'cloud';
    this.#mutation = mutation;
  }

  #promise(holds: boolean, what: string): void {
    if (!holds) throw new BrokenPromise(what);
  }

  /** One statement of some process: the row is locked, judged and stored. */
  apply<Type extends LeaseEventType>(
    event: { readonly type: Type } & LeaseEvent<Type>,
    seen: Lease = this.lease,
  ): LeaseOutcomes[Type] {
    const before = this.lease;
    const mutated = this.#mutation.transition ?? judge;
    const { lease, outcome, condemned } = mutated(seen, event as LeaseEvent, this.nowMs, SETTINGS);
    this.#promise(lease.epoch >= before.epoch, `the epoch went from ${before.epoch} to ${lease.epoch}`);
    const claims = outcome.kind === 'spawn';
    this.#promise(lease.epoch === before.epoch + (claims ? 1 : 0), `${event.type} moved the epoch wrongly`);
    const told: { readonly epoch?: number } = event as { readonly epoch?: number };
    if (EPOCH_CHECKED.includes(event.type) && told.epoch !== before.epoch)
      this.#promise(outcome.kind === 'refused', `a stale ${event.type} was taken`);
    if (event.type === 'terminated' && before.state !== 'terminating')
      this.#promise(outcome.kind === 'refused', 'terminated was taken outside of a termination');
    if (lease.state === 'terminating' && before.state !== 'terminating' && event.type === 'due')
      this.#promise(!this.#isKept(), 'a kept lease was drained');
    this.lease = lease;
    for (const box of condemned) this.condemned.set(box.ref.instance, box);
    // The transition answers with the outcome that belongs to its event.
    return outcome as LeaseOutcomes[Type];
  }

  #isKept(): boolean {
    for (const { holder, expiresAtMs } of this.#live.values())
      if (holder.kind !== 'viewer' && expiresAtMs > this.nowMs) return true;
    return false;
  }

  #create(epoch: number): BoxRef {
    const { lease } = this;
    // A folder is named after its group; a cloud's box gets an id of its own.
    const instance = this.#kind === 'folder' ? 'folder' : `box-${++this.#made}`;
    const ref: BoxRef = { provider: 'model', instance, resume: {} };
    const there = this.boxes.get(instance);
    this.boxes.set(instance, { ref, epoch, madeAtMs: this.nowMs, content: there?.content ?? 0 });
    this.#promise(lease.epoch >= epoch, 'a box was made for an epoch that nobody claimed');
    return ref;
  }

  #destroy(ref: BoxRef): void {
    const box = this.boxes.get(ref.instance);
    if (box === undefined) return;
    const { lease } = this;
    const deleted = lease.deletedAtMs !== null;
    const routable = lease.box?.instance === ref.instance && lease.state !== 'cold';
    this.#promise(!routable, 'the box of a living lease was destroyed');
    this.#promise(deleted || this.#kind !== 'folder', 'the folder of a living group was removed');
    const parked = lease.box?.instance === ref.instance;
    this.#promise(!parked, 'the parked box of a lease was destroyed');
    const kept = this.#archives.some((archive) => archive.content >= box.content);
    this.#promise(deleted || box.content === 0 || kept, 'changes were destroyed that no archive holds');
    this.boxes.delete(ref.instance);
  }

  /** The provider loses a box on its own. */
  killBox(): void {
    const box = this.lease.box;
    if (box === null || this.#kind === 'folder') return;
    this.boxes.delete(box.instance);
  }

  *#capture(ref: BoxRef): Generator<void, boolean, void> {
    const sequence = ++this.#sequence;
    const box = this.boxes.get(ref.instance);
    const content = box?.content ?? 0;
    yield;
    if (box === undefined) return false;
    const newest = Math.max(0, ...this.#archives.map((archive) => archive.sequence));
    this.#archives.push({ sequence, content, box: ref.instance });
    this.#archives.sort((a, b) => a.sequence - b.sequence);
    this.#archives.splice(0, Math.max(0, this.#archives.length - 2));
    this.#promise(
      Math.max(...this.#archives.map((archive) => archive.sequence)) >= newest,
      'a newer archive was replaced by an older one',
    );
    return true;
  }

  *#spawn(spawn: Spawn, fails: boolean): Steps {
    let ref = spawn.previous?.box;
    let fresh = false;
    if (ref === undefined || !this.boxes.has(ref.instance)) {
      ref = this.#create(spawn.epoch);
      fresh = true;
      yield;
      if (
        this.apply({ type: 'created', epoch: spawn.epoch, box: ref, parks: this.#parks }).kind === 'refused'
      )
        return;
      yield;
    }
    if (fresh || spawn.previous?.workspaceReady === false) {
      const box = this.boxes.get(ref.instance);
      const newest = this.#archives.at(-1);
      if (box !== undefined && newest !== undefined) box.content = Math.max(box.content, newest.content);
      yield;
    }
    if (fails)
      this.apply({ type: 'fail', epoch: spawn.epoch, failure: { code: 'quota', message: 'no room' } });
    else this.apply({ type: 'commit', epoch: spawn.epoch, box: ref, parks: this.#parks, fresh });
  }

  /** Opens the box, works in it and lets go. With `fails` it can make no box. */
  *open(kind: HolderKind, id: string, fails: boolean): Steps {
    const holder = { kind, id, attempt: randomUUID(), subject: 'somebody' };
    const key = `${kind}/${id}`;
    for (let tries = 0; tries < 20; tries += 1) {
      const outcome = this.apply({ type: 'acquire', holder });
      if (outcome.kind === 'deleted' || outcome.kind === 'fenced') return;
      this.#live.set(key, { holder, expiresAtMs: this.nowMs + SETTINGS.holders[kind].ttlMs });
      yield;
      if (outcome.kind === 'spawn') yield* this.#spawn(outcome, fails);
      if (outcome.kind !== 'joined') continue;
      const box = this.boxes.get(outcome.box.instance);
      if (box === undefined) {
        const replaced = this.apply({ type: 'replace', epoch: outcome.epoch, claim: holder.attempt });
        yield;
        if (replaced.kind === 'spawn') yield* this.#spawn(replaced, fails);
        continue;
      }
      for (let beats = 0; beats < 3; beats += 1) {
        const beat = this.apply({ type: 'heartbeat', holder, dirty: true });
        const live = this.#live.get(key);
        const mine = live?.holder.attempt === holder.attempt;
        this.#promise(mine || beat.kind === 'refused', 'a heartbeat of a closed attempt was taken');
        if (beat.kind === 'refused' || live === undefined) return;
        live.expiresAtMs = this.nowMs + SETTINGS.holders[kind].ttlMs;
        if (beat.epoch !== outcome.epoch) return;
        // The handle was opened at this epoch and the same box is still there: the work arrives. Who only looks
        // changes nothing; a box that is kept by nobody else may be captured and stopped under such a viewer.
        if (kind !== 'viewer' && this.boxes.get(box.ref.instance) === box) box.content += 1;
        yield;
      }
      this.apply({ type: 'release', holder, dirty: true });
      if (this.#live.get(key)?.holder.attempt === holder.attempt) this.#live.delete(key);
      return;
    }
  }

  *#terminate(outcome: Terminate): Steps {
    const box = this.boxes.get(outcome.box.instance);
    const gone = box === undefined;
    let captured = false;
    if (this.#mutation.destroysBeforeCapture && !this.#parks) {
      this.#destroyForTermination(outcome.box);
      yield;
    }
    if (!gone) captured = yield* this.#capture(outcome.box);
    yield;
    const capturedRevision = captured ? outcome.revision : null;
    this.apply({ type: 'terminated', claim: outcome.claim, capturedRevision, gone });
  }

  #destroyForTermination(ref: BoxRef): void {
    const box = this.boxes.get(ref.instance);
    if (box === undefined) return;
    const kept = this.#archives.some((archive) => archive.content >= box.content);
    this.#promise(box.content === 0 || kept, 'changes were destroyed that no archive holds');
    this.boxes.delete(ref.instance);
  }

  /** One period of a reaper: the lease if it is due, then what is condemned. */
  *reap(): Steps {
    const claim = randomUUID();
    const seen = this.#mutation.countsBeforeLock ? this.lease : undefined;
    if (seen !== undefined) yield;
    const outcome = this.apply({ type: 'due', claim }, seen);
    yield;
    if (outcome.kind === 'terminate') yield* this.#terminate(outcome);
    if (outcome.kind === 'capture' && (yield* this.#capture(outcome.box)))
      this.apply({ type: 'captured', epoch: outcome.epoch, revision: outcome.revision });
    if (outcome.kind === 'discard') this.apply({ type: 'discarded' });
    yield;
    for (const [instance, box] of [...this.condemned]) {
      this.#destroy(box.ref);
      yield;
      this.condemned.delete(instance);
    }
  }

  *pause(force: boolean): Steps {
    const outcome = this.apply({ type: 'pause', claim: randomUUID(), force });
    if (force && outcome.kind === 'terminate') this.#live.clear();
    yield;
    if (outcome.kind === 'terminate') yield* this.#terminate(outcome);
  }

  *remove(): Steps {
    this.apply({ type: 'delete' });
    this.#live.clear();
    yield;
    this.apply({ type: 'discarded' });
  }

  /** Judges what the provider lists by its tags; a folder of a living group is its home. */
  *sweep(): Steps {
    const listed = [...this.boxes.values()];
    yield;
    for (const box of listed) {
      const { lease } = this;
      const claimed = lease.state === 'warming' || lease.state === 'replacing';
      const named = lease.box?.instance === box.ref.instance;
      const home = this.#parks && lease.box === null && lease.deletedAtMs === null;
      const old = this.nowMs - box.madeAtMs > 150;
      const orphan = this.#mutation.sweepsByAge
        ? old
        : !named && !home && !(claimed && lease.epoch === box.epoch) && !this.condemned.has(box.ref.instance);
      if (orphan) this.#destroy(box.ref);
      yield;
    }
  }

  /** Everybody has crashed; after two periods of a reaper nothing is left that nobody names. */
  checkAtRest(): void {
    const run = (steps: Steps) => {
      while (!steps.next().done);
    };
    const period = () => {
      this.nowMs += 1000;
      run(this.reap());
      run(this.sweep());
    };
    period();
    period();
    const named = new Set([...this.condemned.keys()]);
    if (this.lease.box !== null) named.add(this.lease.box.instance);
    const home = this.#parks && this.lease.box === null && this.lease.deletedAtMs === null;
    for (const instance of this.boxes.keys())
      this.#promise(named.has(instance) || home, `nobody names ${instance} any more`);
    period();
    this.#promise(this.lease.state === 'cold', `a box that nobody keeps is still ${this.lease.state}`);
    const parked = this.#parks && this.lease.deletedAtMs === null;
    this.#promise(this.boxes.size === 0 || parked, 'a box that nobody keeps is still there');
    if (this.lease.deletedAtMs !== null) this.#promise(this.boxes.size === 0, 'a deleted group left a box');
  }
}
