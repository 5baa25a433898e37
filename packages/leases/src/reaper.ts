import { type Box, type LeaseOutcomes, SandboxError } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { adoptArtifact } from './adopt-artifact.ts';
import type { ArchiveSweep } from './archive-sweep.ts';
import { captureBox, keepsArchives } from './capture-box.ts';
import { destroyCondemned } from './condemned-boxes.ts';
import type { LeaseContext } from './lease-context.ts';
import { repeat } from './repeat.ts';
import { resumeBox } from './resume-box.ts';
import { stopBox } from './stop-box.ts';
import type { Sweep } from './sweep.ts';

type Look = LeaseOutcomes['due'];

/** Ends what is over: crashed holders, silent spawners, idle boxes, condemned boxes, archives nobody needs. */
export class Reaper implements AsyncDisposable {
  readonly #context: LeaseContext;
  readonly #sweep: Sweep | null;
  readonly #archives: ArchiveSweep | null;
  readonly #stopped = new AbortController();
  #running: Promise<void> | null = null;
  #ticks = 0;

  /**
   * With a sweep it also looks, every second time, for boxes that no lease names; with one of archives it looks, at
   * its second tick and seldom after it, for archives that nobody knows.
   */
  constructor(
    context: LeaseContext,
    options: { readonly sweep?: Sweep; readonly archives?: ArchiveSweep } = {},
  ) {
    this.#context = context;
    this.#sweep = options.sweep ?? null;
    this.#archives = options.archives ?? null;
  }

  /** Ticks every period until it is closed. Any number of processes may do so. */
  start(): void {
    const every = (work: () => Promise<void>) =>
      repeat(
        this.#context.clock,
        this.#context.settings.reaperPeriodMs,
        this.#stopped.signal,
        async () => {
          await work();
          return 'go-on';
        },
        (error) => this.#context.trouble('reaper.tick', null, error),
      );
    this.#running ??= Promise.all([
      every(() => this.tick()),
      // By itself too: a tick may take as long as the slowest capture, and costs are not to wait for that.
      every(() => this.#endOverBudget()),
    ]).then(() => {});
  }

  /**
   * One look at all that is due; what it costs depends on that alone. What fails for one group is told and holds
   * up no other; it throws only when the record cannot be read.
   */
  async tick(): Promise<void> {
    this.#ticks += 1;
    await this.#endOverBudget();
    await this.#endLeases();
    await this.#endCondemned();
    await this.#adoptArtifacts();
    await this.#endArtifacts();
    const { signal } = this.#stopped;
    if (this.#ticks % 2 === 0)
      await this.#context.attempt('reaper.sweep', null, async () => this.#sweep?.run({ signal }));
    if (this.#ticks % this.#context.settings.archiveSweepTicks === 2)
      await this.#context.attempt('reaper.archives', null, async () => this.#archives?.run({ signal }));
  }

  /** Stops ticking and waits for the tick that runs. */
  async close(): Promise<void> {
    this.#stopped.abort(new SandboxError('closed', 'The reaper was stopped. Start another.'));
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #endLeases(): Promise<void> {
    const { store, settings } = this.#context;
    const seen = new Set<string>();
    while (!this.#stopped.signal.aborted) {
      const due = (await store.due(settings.reaperBatch)).filter((groupId) => !seen.has(groupId));
      if (due.length === 0) return;
      for (const groupId of due) seen.add(groupId);
      await eachOf(due, settings.reaperConcurrency, (groupId) =>
        this.#context.attempt('reaper.lease', groupId, () => this.#look(groupId)),
      );
    }
  }

  async #look(groupId: string): Promise<void> {
    const { store } = this.#context;
    const outcome = await this.#context.apply(groupId, { type: 'due', claim: uuidv7() });
    if (outcome === null || outcome.kind === 'none') return;
    if (outcome.kind === 'discard') {
      await this.#context.ledger.discard(groupId);
      await this.#context.apply(groupId, { type: 'discarded' });
      return;
    }
    const lease = await store.read(groupId);
    if (lease === null) return;
    const { workspaceId, reason } = lease;
    if (outcome.kind === 'terminate') {
      const { signal } = this.#stopped;
      await stopBox(this.#context, { groupId, workspaceId, terminate: outcome, reason, signal });
    } else await this.#capture(groupId, workspaceId, outcome);
  }

  /** A dirty box, whether held or not. */
  async #capture(
    groupId: string,
    workspaceId: string,
    outcome: Extract<Look, { kind: 'capture' }>,
  ): Promise<void> {
    const { epoch, revision, box: ref } = outcome;
    const provider = this.#context.providers.providerNamed(ref.provider);
    if (!keepsArchives(provider)) return;
    const { signal } = this.#stopped;
    let box: Box | null = null;
    try {
      box = await resumeBox(provider, ref, { epoch, environment: {}, signal });
      const captured = await captureBox(this.#context, {
        groupId,
        workspaceId,
        epoch,
        revision,
        box,
        signal,
      });
      if (captured === 'committed') await this.#context.apply(groupId, { type: 'captured', epoch, revision });
    } catch (error) {
      // Whoever needs it next replaces it.
      if (provider.isGone(error)) return;
      this.#context.tell({ type: 'capture-failed', groupId, epoch, error });
      throw error;
    } finally {
      await box?.close().catch(() => {});
    }
  }

  /** Stops what is up at a cost that nobody allows any more, however much it is needed. */
  async #endOverBudget(): Promise<void> {
    const { usage, settings, store } = this.#context;
    const { signal } = this.#stopped;
    const over = (await usage?.overBudget(settings.reaperBatch, { signal })) ?? [];
    await eachOf(over, settings.reaperConcurrency, ({ groupId, workspaceId }) =>
      this.#context.attempt('reaper.budget', groupId, async () => {
        const event = { type: 'pause', claim: uuidv7(), force: true, cause: 'budget' } as const;
        const outcome = await this.#context.apply(groupId, event, { signal });
        // What is just being made, or stopped by somebody else, is looked at by the next tick.
        if (outcome?.kind !== 'terminate') return;
        const reason = (await store.read(groupId, { signal }))?.reason ?? null;
        await stopBox(this.#context, { groupId, workspaceId, terminate: outcome, reason, signal });
      }),
    );
  }

  async #endCondemned(): Promise<void> {
    const { reaperBatch } = this.#context.settings;
    const { signal } = this.#stopped;
    while (!signal.aborted) if ((await destroyCondemned(this.#context, { signal })) < reaperBatch) return;
  }

  /** Captures whose process died after the last byte are as good as others; the rest of them goes. */
  async #adoptArtifacts(): Promise<void> {
    const { ledger, settings } = this.#context;
    const { reaperBatch, destroyRetryMs } = settings;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const taken = await ledger.takeSilent(reaperBatch, { retryAfterMs: destroyRetryMs });
      for (const artifact of taken)
        await this.#context.attempt('reaper.adopt', artifact.groupId, async () => {
          if (!(await adoptArtifact(this.#context, artifact, { signal }))) await ledger.abandon(artifact.id);
        });
      if (taken.length < reaperBatch) return;
    }
  }

  async #endArtifacts(): Promise<void> {
    const { ledger, blobs, settings } = this.#context;
    const { reaperBatch, destroyRetryMs } = settings;
    while (!this.#stopped.signal.aborted) {
      const taken = await ledger.takeDeletable(reaperBatch, { retryAfterMs: destroyRetryMs });
      for (const artifact of taken)
        await this.#context.attempt('reaper.artifact', artifact.groupId, async () => {
          await blobs.delete(artifact.archiveKey);
          await blobs.delete(artifact.manifestKey);
          await ledger.removeDeleted(artifact.id);
        });
      if (taken.length < reaperBatch) return;
    }
  }
}

/** A few at a time. */
async function eachOf<Item>(
  items: readonly Item[],
  concurrency: number,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
