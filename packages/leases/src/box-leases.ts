import { bounded, type CallOptions, type Holder, SandboxError, traced } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { BoxHandles } from './box-handles.ts';
import { captureBox, keepsArchives } from './capture-box.ts';
import { destroyCondemned } from './condemned-boxes.ts';
import { HeldBox } from './held-box.ts';
import { Hold } from './hold.ts';
import { inspectGroup, type LeaseReport } from './inspect-group.ts';
import { LeaseContext, type LeaseContextOptions } from './lease-context.ts';
import type { OpenBox, OpenBoxRequest } from './open-request.ts';
import { resumeBox } from './resume-box.ts';
import { spawnBox } from './spawn-box.ts';
import { stopBox } from './stop-box.ts';
import { tellRecord } from './tell-record.ts';

export type BoxLeasesOptions = LeaseContextOptions;

type Group = { readonly groupId: string; readonly workspaceId: string };

/** Opens boxes that last and keeps them as long as somebody needs them. One for each process. */
export class BoxLeases implements AsyncDisposable {
  /** What the reaper and the sweep of this process work with. */
  readonly context: LeaseContext;
  readonly #handles: BoxHandles;
  readonly #holds = new Set<Hold>();
  readonly #requests = new Map<string, Hold>();
  readonly #background = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  /** Names the request holders of this process; a restarted one must not renew those of its predecessor. */
  readonly #process = uuidv7();

  constructor(options: BoxLeasesOptions) {
    this.context = new LeaseContext(options);
    this.#handles = new BoxHandles(this.context);
  }

  /**
   * The group's box, running and held: joined, waited for, made or replaced. It makes at most one box however
   * many ask at once, in however many processes. What is being made goes on when the caller stops waiting.
   *
   * @throws SandboxError `timeout` or `cancelled` when the caller's wait ends first, `fenced` for another epoch
   * than the expected one, `not-found` for a deleted group, `unreachable` while nothing is known about the box
   * (no rival is made then), or why it could not be made.
   */
  async open(request: OpenBoxRequest): Promise<OpenBox> {
    if (this.#closing.signal.aborted)
      throw new SandboxError(
        'closed',
        'Boxes cannot be opened any more: this process is closing. Ask another.',
        {
          started: 'no',
          retryable: true,
        },
      );
    await this.#checkEpoch(request);
    const hold = this.#holdFor(request);
    hold.users += 1;
    try {
      const { deadlineMs = this.context.settings.openDeadlineMs, signal } = request;
      const what = `Opening the box of group ${request.groupId}`;
      const { box, epoch } = await traced(
        'lease.acquire',
        { 'boxyard.group': request.groupId, 'boxyard.holder': request.holder.kind },
        () => bounded({ signal, deadlineMs }, what, () => hold.acquired),
      );
      if (request.expectedEpoch !== undefined && epoch !== request.expectedEpoch)
        throw otherEpoch(request.groupId, request.expectedEpoch, epoch);
      const held = new HeldBox(
        box,
        hold.lost,
        () => hold.sawGone(),
        () => this.#letGo(hold),
      );
      const close = () => held.close();
      return {
        groupId: request.groupId,
        epoch,
        box: held,
        receipt: hold.takeReceipt(),
        lost: hold.lost,
        markDirty: () => hold.markDirty(),
        gaveInput: () => hold.gaveInput(),
        close,
        [Symbol.asyncDispose]: close,
      };
    } catch (error) {
      await this.#letGo(hold);
      throw error;
    }
  }

  /**
   * For the only server on a record, before it opens anything: what a predecessor was making or stopping when it
   * died is free at once, instead of when its time has run out.
   */
  async takeOver(options: CallOptions = {}): Promise<void> {
    const { store, settings } = this.context;
    let after: string | undefined;
    for (;;) {
      const claimed = await store.claimed(settings.reaperBatch, { ...options, after });
      for (const groupId of claimed) await this.context.apply(groupId, { type: 'orphaned' }, options);
      after = claimed.at(-1);
      if (after === undefined) return;
    }
  }

  /** Captures a running box now. False when there is none, or when nothing changed since the last capture. */
  async capture(group: Group, options: CallOptions = {}): Promise<boolean> {
    const { groupId, workspaceId } = group;
    const lease = await this.context.store.read(groupId, options);
    if (lease === null || lease.box === null || (lease.state !== 'warm' && lease.state !== 'draining'))
      return false;
    const { epoch, revision, box: ref } = lease;
    const dirty = revision > lease.capturedRevision || lease.holders.some((holder) => holder.dirty);
    if (!dirty) return false;
    const provider = this.context.providers.providerNamed(ref.provider);
    if (!keepsArchives(provider)) return false;
    const box = await resumeBox(provider, ref, { ...options, epoch, environment: {} });
    try {
      const { signal } = options;
      const captured = await captureBox(this.context, { groupId, workspaceId, epoch, revision, box, signal });
      if (captured !== 'committed') return false;
      await this.context.apply(groupId, { type: 'captured', epoch, revision });
      return true;
    } finally {
      await box.close();
    }
  }

  /**
   * Captures the box and frees it; done when there is none. Request holders that merely linger are waited for.
   *
   * @throws SandboxError `conflict` while something keeps the box and `force` is not said.
   */
  async pause(group: Group, options: CallOptions & { readonly force?: boolean } = {}): Promise<void> {
    const { groupId, workspaceId } = group;
    const { openDeadlineMs, lingerMs } = this.context.settings;
    await Promise.all(
      [...this.#holds]
        .filter((hold) => hold.groupId === groupId && hold.users === 0)
        .map((hold) => hold.release()),
    );
    const call = { signal: options.signal, deadlineMs: options.deadlineMs ?? openDeadlineMs };
    await bounded(call, `Pausing the box of group ${groupId}`, async (signal) => {
      let patient = options.force !== true;
      for (;;) {
        const event = { type: 'pause', claim: uuidv7(), force: options.force === true } as const;
        const outcome = await this.context.apply(groupId, event, { signal });
        if (outcome === null || outcome.kind === 'stopped') return;
        if (outcome.kind === 'terminate')
          return stopBox(this.context, {
            groupId,
            workspaceId,
            terminate: outcome,
            reason: 'paused',
            signal,
          });
        if (outcome.kind === 'wait') {
          await this.context.store.waitForChange(groupId, outcome, { signal, deadlineMs: openDeadlineMs });
          continue;
        }
        // Another process lets go of its last request only after a while.
        const lingering = outcome.holders.every(
          (holder) => holder.kind === 'request' && !this.#isOurs(holder),
        );
        if (!patient || !lingering) throw keptBy(groupId, outcome.holders);
        patient = false;
        const lease = await this.context.store.read(groupId, { signal });
        if (lease === null) return;
        await this.context.store
          .waitForChange(groupId, lease, { signal, deadlineMs: 2 * lingerMs })
          .catch((error) => {
            if (!SandboxError.hasCode(error, 'timeout')) throw error;
          });
      }
    });
  }

  /**
   * Ends the group for good: its box, its archives, whatever runs. Works in every state and may be repeated; what
   * cannot be destroyed now is destroyed by the reaper.
   */
  async destroy(group: Group, options: CallOptions = {}): Promise<void> {
    const { groupId } = group;
    await this.context.applyOrInsert(group, { type: 'delete' }, options);
    await this.context.attempt('destroy.archives', groupId, async () => {
      await this.context.ledger.discard(groupId, options);
      await this.context.apply(groupId, { type: 'discarded' }, options);
    });
    await this.context.attempt('destroy.box', groupId, () => destroyCondemned(this.context, { groupId }));
  }

  /** What is known of a group; null when nobody ever opened it, or when it is deleted. */
  inspect(groupId: string, options: CallOptions = {}): Promise<LeaseReport | null> {
    return inspectGroup(this.context, groupId, options);
  }

  /** Lets go of everything in this process. The boxes stay and are named by their leases. */
  async close(): Promise<void> {
    this.#closing.abort(
      new SandboxError('closed', 'This process is closing. Ask another.', { retryable: true }),
    );
    await Promise.all([...this.#holds].map((hold) => hold.release()));
    await Promise.allSettled([...this.#background]);
    await this.#handles.closeAll();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #isOurs(holder: Holder): boolean {
    return holder.id === this.#process;
  }

  async #checkEpoch({ groupId, expectedEpoch, signal, deadlineMs }: OpenBoxRequest): Promise<void> {
    if (expectedEpoch === undefined || this.#requests.get(groupId)?.epoch === expectedEpoch) return;
    const { store, settings } = this.context;
    let lease = await store.read(groupId, { signal });
    // Whether the box stops is not known yet, and who waits for it as a holder would make the next one.
    while (lease?.state === 'terminating' && lease.epoch === expectedEpoch) {
      await store.waitForChange(groupId, lease, {
        signal,
        deadlineMs: deadlineMs ?? settings.openDeadlineMs,
      });
      lease = await store.read(groupId, { signal });
    }
    if (lease === null || lease.epoch !== expectedEpoch || lease.state === 'cold')
      throw otherEpoch(groupId, expectedEpoch, lease?.epoch ?? 0);
  }

  #holdFor(request: OpenBoxRequest): Hold {
    const { groupId, holder } = request;
    const shared = holder.kind === 'request';
    const known = this.#requests.get(groupId);
    if (shared && known?.reusable === true) return known;
    const id = shared ? this.#process : (holder.id ?? uuidv7());
    const hold: Hold = new Hold(
      this.context,
      this.#handles,
      {
        spawn: (by, spawn, lost) => this.#inBackground(this.#spawn(by, spawn, lost)),
        disown: (by, claim) => void this.#inBackground(this.#disown(by, claim)),
      },
      request,
      { kind: holder.kind, id, attempt: uuidv7() },
      (ended) => this.#forget(ended),
    );
    this.#holds.add(hold);
    if (shared) this.#requests.set(groupId, hold);
    return hold;
  }

  #forget(hold: Hold): void {
    this.#holds.delete(hold);
    if (this.#requests.get(hold.groupId) === hold) this.#requests.delete(hold.groupId);
    const held = [...this.#holds].some((other) => other.groupId === hold.groupId);
    if (!held && hold.epoch !== null) this.#handles.drop(hold.groupId, hold.epoch);
  }

  async #letGo(hold: Hold): Promise<void> {
    hold.users -= 1;
    if (hold.users > 0) return;
    if (hold.key.kind !== 'request' || !hold.reusable) return hold.release();
    const lingers = this.context.clock.sleep(this.context.settings.lingerMs, this.#closing.signal).then(
      // Somebody may have come back, gone and started a wait of their own: the last one to end finds nobody.
      () => (hold.users === 0 ? hold.release() : undefined),
      () => {},
    );
    void this.#inBackground(lingers);
  }

  async #spawn(hold: Hold, spawn: Parameters<typeof spawnBox>[1]['spawn'], lost: boolean) {
    const { groupId, workspaceId, spec } = hold;
    const { signal } = this.#closing;
    const inBackground = (work: Promise<unknown>) => this.#inBackground(work);
    const request = { groupId, workspaceId, spec, spawn, lost, signal, inBackground };
    const made = await spawnBox(this.context, request);
    const shared = await this.#handles.adopt(groupId, made.epoch, made.box);
    if (![...this.#holds].some((other) => other.groupId === groupId))
      this.#handles.drop(groupId, shared.epoch);
    return { ...shared, receipt: made.receipt };
  }

  #disown({ groupId }: Hold, claim: string): Promise<void> {
    const about = { stage: 'hold.disown', groupId, signal: this.#closing.signal };
    return tellRecord(this.context, about, () => this.context.apply(groupId, { type: 'disown', claim }));
  }

  /** Keeps track of work that its starter may not wait for, so that closing can. */
  #inBackground<T>(work: Promise<T>): Promise<T> {
    this.#background.add(work);
    const done = () => void this.#background.delete(work);
    work.then(done, done);
    return work;
  }
}

const otherEpoch = (groupId: string, expected: number, present: number) =>
  new SandboxError(
    'fenced',
    `The box of group ${groupId} is of epoch ${present}, not ${expected}. Read the session again.`,
    { started: 'no' },
  );

const keptBy = (groupId: string, holders: readonly Holder[]) =>
  new SandboxError(
    'conflict',
    `The box of group ${groupId} is kept by ${holders.map((holder) => `${holder.kind} of ${holder.subject}`).join(', ')}. Wait for them, or force the pause.`,
    { started: 'no', stage: 'pause' },
  );
