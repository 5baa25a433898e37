import type { RestoreReceipt } from '@boxyard/contracts';
import {
  bounded,
  type HolderKey,
  type LeaseOutcomes,
  type LeaseState,
  SandboxError,
} from '@boxyard/sandbox-core';
import type { BoxHandles } from './box-handles.ts';
import { refuseOverBudget } from './budget.ts';
import type { LeaseContext } from './lease-context.ts';
import type { OpenBoxRequest } from './open-request.ts';
import { repeat } from './repeat.ts';
import type { SpawnedBox } from './spawn-box.ts';

/** What becomes of claims, apart from whoever waits for them: it goes on when they give up. */
export interface Claims {
  /** Makes the box. */
  spawn(
    hold: Hold,
    spawn: Extract<LeaseOutcomes['acquire'], { kind: 'spawn' }>,
    lost: boolean,
  ): Promise<SpawnedBox>;
  /** Gives back a claim that the record may have, and that nobody makes a box for. */
  disown(hold: Hold, claim: string): void;
}

type Seen = { readonly state: LeaseState; readonly epoch: number };

const isUp = (state: LeaseState) => state === 'warm' || state === 'draining';

/** One holder of a lease: acquired once, kept by heartbeats, and told at once when the box is another's. */
export class Hold {
  readonly groupId: string;
  readonly workspaceId: string;
  readonly key: HolderKey & { readonly subject: string };
  readonly spec: OpenBoxRequest['spec'];
  /** The box, once it is there; rejects when it cannot be had. */
  readonly acquired: Promise<SpawnedBox>;
  /** How many openers in this process share the holder. */
  users = 0;
  readonly #context: LeaseContext;
  readonly #handles: BoxHandles;
  readonly #claims: Claims;
  readonly #ended = new AbortController();
  readonly #lost = new AbortController();
  readonly #onEnd: (hold: Hold) => void;
  #work: Promise<unknown>;
  #asking: Promise<unknown> = Promise.resolve();
  #suspect = false;
  #dirty: Promise<void> | null = null;
  #epoch: number | null = null;
  #receipt: RestoreReceipt | null = null;

  constructor(
    context: LeaseContext,
    handles: BoxHandles,
    claims: Claims,
    request: OpenBoxRequest,
    key: HolderKey,
    onEnd: (hold: Hold) => void,
  ) {
    this.#context = context;
    this.#handles = handles;
    this.#claims = claims;
    this.#onEnd = onEnd;
    this.groupId = request.groupId;
    this.workspaceId = request.workspaceId;
    this.spec = request.spec;
    this.key = { ...key, subject: request.holder.subject };
    const beating = this.#beat();
    this.acquired = this.#acquire();
    this.#work = Promise.all([
      beating,
      this.acquired.then(
        () => this.#watch(),
        () => {},
      ),
    ]);
    // Each opener is told by its own wait.
    this.acquired.catch(() => void this.release());
  }

  /** Aborts when the box is kept no more although nobody let it go. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether another opener may share it. */
  get reusable(): boolean {
    return !this.#suspect && !this.#ended.signal.aborted;
  }

  get epoch(): number | null {
    return this.#epoch;
  }

  /** What was restored, for one of those who share the hold. */
  takeReceipt(): RestoreReceipt | null {
    const receipt = this.#receipt;
    this.#receipt = null;
    return receipt;
  }

  /** The box did not exist any more: the next opener finds out and replaces it. */
  sawGone(): void {
    this.#suspect = true;
    if (this.#epoch !== null) this.#handles.drop(this.groupId, this.#epoch);
  }

  markDirty(): Promise<void> {
    this.#dirty ??= this.#tell({ dirty: true }).catch((error) => {
      this.#dirty = null;
      throw error;
    });
    return this.#dirty;
  }

  gaveInput(): Promise<void> {
    return this.#tell({ input: true });
  }

  /** Lets go in the store too. Idempotent, and never throws: an unreachable store lets it expire. */
  async release(): Promise<void> {
    const reason = new SandboxError('closed', 'The box was let go by its own user. Open it again.', {
      started: 'no',
    });
    if (!this.#end(reason)) return;
    const { store, settings } = this.#context;
    // A statement under way could put the holder back after it was removed.
    await this.#asking;
    await this.#context.attempt('hold.release', this.groupId, async () => {
      const { idleGraceMs } = settings;
      const short = this.#dirty === null && (await store.leave(this.groupId, this.key, { idleGraceMs }));
      if (!short) await this.#context.apply(this.groupId, { type: 'release', holder: this.key });
    });
    await this.#work;
  }

  #end(reason: SandboxError): boolean {
    if (this.#ended.signal.aborted) return false;
    this.#ended.abort(reason);
    this.#onEnd(this);
    return true;
  }

  #lose(): void {
    const { groupId, key } = this;
    const reason = new SandboxError(
      'fenced',
      `The box of group ${groupId} is not kept any more. Open it again.`,
      { retryable: true, started: 'no' },
    );
    if (!this.#end(reason)) return;
    this.#lost.abort(reason);
    this.#context.tell({ type: 'holder-lost', groupId, kind: key.kind, id: key.id });
    void this.#context.attempt('hold.lose', groupId, () =>
      this.#context.apply(groupId, { type: 'release', holder: key }),
    );
  }

  async #tell(what: { readonly dirty?: boolean; readonly input?: boolean }): Promise<void> {
    const { signal } = this.#ended;
    signal.throwIfAborted();
    const beat = await this.#context.apply(this.groupId, { type: 'heartbeat', holder: this.key, ...what });
    if (beat?.kind === 'kept' && beat.epoch === this.#epoch) return;
    this.#lose();
    signal.throwIfAborted();
  }

  #beat(): Promise<void> {
    const { clock, settings } = this.#context;
    return repeat(
      clock,
      settings.holders[this.key.kind].heartbeatMs,
      this.#ended.signal,
      async () => {
        const beat = await this.#context.apply(this.groupId, { type: 'heartbeat', holder: this.key });
        // While it is being acquired the loop of acquiring puts the holder back by itself.
        if (this.#epoch === null) return 'go-on';
        if (beat?.kind === 'kept' && beat.epoch === this.#epoch) return 'go-on';
        this.#lose();
        return 'stop';
      },
      (error) => this.#context.trouble('hold.beat', this.groupId, error),
    );
  }

  /** Notices within a notification, not within a heartbeat, that the box is another or is being stopped. */
  async #watch(): Promise<void> {
    const { signal } = this.#ended;
    let seen: Seen = { state: 'warm', epoch: this.#epoch ?? 0 };
    while (!signal.aborted) {
      try {
        await this.#context.store.waitForChange(this.groupId, seen, {
          signal,
          deadlineMs: Number.POSITIVE_INFINITY,
        });
        const lease = await this.#context.store.read(this.groupId, { signal });
        if (lease === null || lease.deletedAtMs !== null || lease.epoch !== this.#epoch || !isUp(lease.state))
          return this.#lose();
        seen = lease;
      } catch (error) {
        if (signal.aborted) return;
        this.#context.trouble('hold.watch', this.groupId, error);
        await this.#context.clock.sleep(this.#context.settings.lingerMs, signal).catch(() => {});
      }
    }
  }

  #acquire(): Promise<SpawnedBox> {
    const deadlineMs = this.#context.settings.openDeadlineMs;
    const call = { signal: this.#ended.signal, deadlineMs };
    return bounded(call, `Opening the box of group ${this.groupId}`, (signal) => {
      const asking = this.#ask(signal);
      this.#asking = asking.catch(() => {});
      return asking;
    });
  }

  async #ask(signal: AbortSignal): Promise<SpawnedBox> {
    for (;;) {
      signal.throwIfAborted();
      const found = await this.#step(signal);
      if (found === null) continue;
      signal.throwIfAborted();
      this.#epoch = found.epoch;
      this.#receipt = found.receipt;
      return found;
    }
  }

  /** Null when the lease has to be asked again. */
  async #step(signal: AbortSignal): Promise<SpawnedBox | null> {
    const outcome = await this.#join(signal);
    if (outcome.kind === 'deleted')
      throw new SandboxError('not-found', `The group ${this.groupId} was deleted. Create another session.`, {
        started: 'no',
      });
    if (outcome.kind === 'fenced') return null;
    if (outcome.kind === 'spawn') return this.#spawnOrNull(outcome, false, signal);
    if (outcome.kind === 'wait') return this.#wait(outcome, signal);
    const { epoch, box: ref } = outcome;
    const provider = this.#context.providers.providerNamed(ref.provider);
    try {
      const found = await this.#handles.get(this.groupId, epoch, ref, provider, this.spec.environment ?? {});
      return { ...found, receipt: null };
    } catch (error) {
      if (!provider.isGone(error)) throw error;
      await refuseOverBudget(this.#context, this, { signal });
      const claim = this.key.attempt;
      const replaced = await this.#claim(
        this.#context.apply(this.groupId, { type: 'replace', epoch, claim }),
      );
      if (replaced?.kind === 'spawn') {
        this.#context.tell({ type: 'lost', groupId: this.groupId, epoch });
        return this.#spawnOrNull(replaced, true, signal);
      }
      return replaced?.kind === 'wait' ? this.#wait(replaced, signal) : null;
    }
  }

  async #join(signal: AbortSignal): Promise<LeaseOutcomes['acquire']> {
    const { store, settings } = this.#context;
    const { ttlMs } = settings.holders[this.key.kind];
    const joined = await store.join(this.groupId, { ...this.key, ttlMs }, { signal });
    if (joined !== null) return { kind: 'joined', ...joined };
    await refuseOverBudget(this.#context, this, { signal });
    const { idleGraceMs, lifetimeMs } = this.spec;
    const event = { type: 'acquire', holder: this.key, idleGraceMs, lifetimeMs } as const;
    return this.#claim(this.#context.applyOrInsert(this, event, { signal }));
  }

  /** Without its answer nobody knows that the box is ours to make, and everybody would wait for us. */
  async #claim<T>(claiming: Promise<T>): Promise<T> {
    try {
      return await claiming;
    } catch (error) {
      const isUnclaimed = SandboxError.isInstance(error) && error.started === 'no';
      if (!isUnclaimed) this.#claims.disown(this, this.key.attempt);
      throw error;
    }
  }

  async #spawnOrNull(
    spawn: Extract<LeaseOutcomes['acquire'], { kind: 'spawn' }>,
    lost: boolean,
    signal: AbortSignal,
  ): Promise<SpawnedBox | null> {
    try {
      const call = { signal, deadlineMs: Number.POSITIVE_INFINITY };
      return await bounded(call, `Making the box of group ${this.groupId}`, () =>
        this.#claims.spawn(this, spawn, lost),
      );
    } catch (error) {
      // Somebody else has the claim now, and their box is as good.
      if (SandboxError.hasCode(error, 'fenced')) return null;
      throw error;
    }
  }

  async #wait(seen: Seen, signal: AbortSignal): Promise<null> {
    const { store, settings } = this.#context;
    await store.waitForChange(this.groupId, seen, { signal, deadlineMs: settings.openDeadlineMs });
    const lease = await store.read(this.groupId, { signal });
    const { failure = null, state = 'cold' } = lease ?? {};
    // Everybody who waited for this attempt is told why it failed; only new openers make another.
    if (state === 'cold' && failure !== null && failure.epoch === seen.epoch)
      throw new SandboxError(failure.code, failure.message, { stage: 'spawn' });
    return null;
  }
}
