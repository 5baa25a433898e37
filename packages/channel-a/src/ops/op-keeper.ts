import type { Box, BoxProcess, CallOptions, OpRecord, ToldOutput } from '@boxyard/sandbox-core';
import { HOST_SILENT_MS, SandboxError } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { BoxHolder, OpenedBox, SessionRef } from '../open-box.ts';
import { attachOp } from './attach-op.ts';
import { commandOutputEvents } from './command-output-events.ts';
import type { HostedOps } from './hosted-ops.ts';
import { exitedEvent, lostReason, resultOf } from './op-end.ts';
import type { OpHostOptions } from './op-host.ts';
import { RunningOp } from './running-op.ts';

export interface OpKeeperOptions extends OpHostOptions {
  readonly hosted: HostedOps;
  /** See `AttachOpOptions`. */
  readonly startWindowMs: number;
}

export interface AdoptOptions extends CallOptions {
  readonly limit?: number | undefined;
  /** Only commands in boxes of these groups, of those that have any; all when absent. */
  readonly among?: ((groupIds: ReadonlySet<string>) => Promise<ReadonlySet<string>>) | undefined;
}

const ADOPT_AT_ONCE = 8;

/** Finds commands again, in this process or after another one's crash, and clears away old ones. */
export class OpKeeper {
  readonly #options: OpKeeperOptions;

  constructor(options: OpKeeperOptions) {
    this.#options = options;
  }

  /**
   * The box that a command runs or ran in. For one that has ended a box that was stopped since is woken, because
   * its files, and with them the output, may still be there.
   */
  async open(op: OpRecord, holder: BoxHolder, options: CallOptions): Promise<OpenedBox> {
    const session: SessionRef = { sessionId: op.sessionId, groupId: op.groupId, workspaceId: null };
    try {
      return await this.#options.openBox(session, holder, { ...options, expectedEpoch: op.leaseEpoch });
    } catch (error) {
      if (!SandboxError.hasCode(error, 'fenced') || op.state === 'running') throw error;
    }
    return this.#options.openBox(session, holder, options);
  }

  attach(box: Box, op: OpRecord, signal: AbortSignal | undefined): Promise<BoxProcess> {
    return attachOp(box, op, { signal, startWindowMs: this.#options.startWindowMs });
  }

  /** A new handle after the old one broke. The box itself is kept by who follows the command. */
  async reattach(op: OpRecord, signal: AbortSignal): Promise<BoxProcess> {
    const opened = await this.open(op, { kind: 'request', id: uuidv7() }, { signal });
    try {
      return await this.attach(opened.box, op, signal);
    } finally {
      await opened[Symbol.asyncDispose]();
    }
  }

  async adoptRunning(options: AdoptOptions): Promise<{ adopted: number; lost: number }> {
    const { ops, hostId } = this.#options;
    const { limit = 1000, among } = options;
    const running = await ops.running(limit, { hostId, silentMs: this.#silentMs });
    const alone = running.filter((op) => !this.#options.hosted.has(op.id));
    const groups = among === undefined ? null : await among(new Set(alone.map(({ groupId }) => groupId)));
    const waiting = alone.filter(({ groupId }) => groups === null || groups.has(groupId));
    const counts = { adopted: 0, lost: 0 };
    const next = async (): Promise<void> => {
      for (let op = waiting.shift(); op !== undefined; op = waiting.shift()) {
        if (options.signal?.aborted) return;
        const outcome = await this.#adopt(op, options);
        if (outcome !== 'later') counts[outcome] += 1;
      }
    };
    await Promise.all(Array.from({ length: ADOPT_AT_ONCE }, next));
    return counts;
  }

  async #adopt(op: OpRecord, options: CallOptions): Promise<'adopted' | 'lost' | 'later'> {
    const { hosted, ops, openBox, redactorFor } = this.#options;
    const session: SessionRef = { sessionId: op.sessionId, groupId: op.groupId, workspaceId: null };
    const startedMs = performance.now() - Math.max(0, Date.now() - op.startedAt.getTime());
    let opened: OpenedBox | undefined;
    try {
      const { signal } = options;
      const redactor = await redactorFor(session);
      opened = await openBox(
        session,
        { kind: 'process', id: op.id },
        { signal, expectedEpoch: op.leaseEpoch },
      );
      const process = await this.attach(opened.box, op, signal);
      // Only now: who cannot reach the command must not keep it from one that can.
      const told = hosted.has(op.id) ? null : await this.#take(op);
      // Two calls of this may overlap.
      if (told === null || hosted.has(op.id)) {
        await opened[Symbol.asyncDispose]();
        return 'later';
      }
      const tells = op.emitStream && !told.elided;
      const running = new RunningOp({
        op,
        store: ops,
        process,
        reattach: (signal) => this.reattach(op, signal),
        events: tells ? commandOutputEvents(op, redactor, this.#options, told) : null,
        collector: null,
        startedMs,
      });
      hosted.add(session, running, opened);
      return 'adopted';
    } catch (error) {
      await opened?.[Symbol.asyncDispose]();
      const reason = lostReason(error);
      if (reason === null || (await this.#take(op)) === null) return 'later';
      const result = resultOf({ state: 'lost', reason }, performance.now() - startedMs);
      await ops.finish(op, 'lost', result, [exitedEvent(op, result)]);
      return 'lost';
    }
  }

  #take(op: OpRecord): Promise<ToldOutput | null> {
    return this.#options.ops.adopt(op, this.#options.hostId, { silentMs: this.#silentMs });
  }

  /** How long the host of a command must have been silent before this one takes the command over. */
  get #silentMs(): number {
    return this.#options.soleHost ? 0 : HOST_SILENT_MS;
  }

  async sweepExpired(
    options: CallOptions & { readonly keptMs: number; readonly limit?: number },
  ): Promise<number> {
    const { ops } = this.#options;
    const expired = await ops.expired(new Date(Date.now() - options.keptMs), options.limit ?? 200);
    const byBox = new Map<string, OpRecord[]>();
    for (const op of expired) {
      const box = `${op.groupId}/${op.leaseEpoch}`;
      byBox.set(box, [...(byBox.get(box) ?? []), op]);
    }
    const gone: OpRecord[] = [];
    for (const group of byBox.values()) {
      if (await this.#forget(group, options)) gone.push(...group);
    }
    if (gone.length > 0) await ops.remove(gone);
    return gone.length;
  }

  /** Lets the older half of a session's ended commands go from this box; false when there are none. */
  async makeRoom({ sessionId, groupId, leaseEpoch }: OpRecord, box: Box): Promise<boolean> {
    const { ops } = this.#options;
    const ended = (await ops.list(sessionId)).filter(
      (op) => op.state !== 'running' && op.groupId === groupId && op.leaseEpoch === leaseEpoch,
    );
    const gone = ended.slice(0, Math.ceil(ended.length / 2));
    if (gone.length === 0 || !(await forgetIn(box, gone, {}))) return false;
    await ops.remove(gone);
    return true;
  }

  /** False when the box cannot be asked now: then it is tried again. A box that is stopped is not woken for it. */
  async #forget(group: readonly OpRecord[], options: CallOptions): Promise<boolean> {
    const { sessionId, groupId, leaseEpoch } = group[0]!;
    const { signal } = options;
    try {
      const opened = await this.#options.openBox(
        { sessionId, groupId, workspaceId: null },
        { kind: 'viewer', id: uuidv7() },
        { signal, expectedEpoch: leaseEpoch },
      );
      try {
        await forgetIn(opened.box, group, { signal });
        return true;
      } finally {
        await opened[Symbol.asyncDispose]();
      }
    } catch (error) {
      return lostReason(error) !== null;
    }
  }
}

/** False where the box keeps no records of commands. */
async function forgetIn(box: Box, ops: readonly OpRecord[], options: CallOptions): Promise<boolean> {
  const { attach } = box.capabilities;
  if (!attach.available) return false;
  for (const op of ops) {
    const process = await attach.use.attach(op.id, options).catch(unlessNotFound);
    await process?.forget(options);
  }
  return true;
}

function unlessNotFound(error: unknown): null {
  if (SandboxError.hasCode(error, 'not-found')) return null;
  throw error;
}
