// The ops of one machine by their id, and who reads them.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ErrorCode,
  type OpAck,
  type OpAttach,
  OpLostReason,
  OpState,
  type OpStatus,
  OpStatusSchema,
} from '@boxyard/agent-proto/messages';
import { type Box, SandboxError } from '@boxyard/sandbox-core';
import { create } from '@bufbuild/protobuf';
import { WireRefusal } from '../machine-failure.ts';
import type { AgentTransport } from './agent-transport.ts';
import { CommandOp } from './command-op.ts';
import { exitMessage } from './op-exit.ts';
import { canBegin, type FeedReader, OpFeed } from './op-feed.ts';
import type { ServedOp } from './served-op.ts';

export interface OpTimings {
  /** Silence after which a frame says that the op still lives, in milliseconds. */
  readonly progressMs: number;
  /** A reader that says nothing for so long has gone. */
  readonly readerGoneMs: number;
  /** What has ended is kept so long for whoever comes back. */
  readonly keptMs: number;
}

export const OP_TIMINGS: OpTimings = { progressMs: 5000, readerGoneMs: 150_000, keptMs: 3_600_000 };
const MOST_KEPT = 2048;
const MOST_FEEDS = 4096;
const MOST_REMEMBERED = 8192;
const SWEEP_MS = 5000;
/** An agent that stops is gone within a second of the end of its last op. */
const LAST_WORDS_MS = 500;

export class OpTable {
  readonly #box: Box;
  readonly #transport: AgentTransport;
  readonly #timings: OpTimings;
  readonly #ops = new Map<string, Promise<ServedOp>>();
  readonly #settled = new Map<string, ServedOp>();
  readonly #endedAt = new Map<string, number>();
  readonly #feeds = new Map<string, OpFeed>();
  /** Ids whose cancellation has overtaken their start, and whether nothing of them is to be kept. */
  readonly #cancelled = new Map<string, boolean>();
  /** Who had started what is forgotten: a start that is heard again late is not another one. */
  readonly #forgotten = new Map<string, string>();
  readonly #sweeper: NodeJS.Timeout;
  readonly #stopHearing: () => void;

  constructor(box: Box, transport: AgentTransport, timings: OpTimings) {
    this.#box = box;
    this.#transport = transport;
    this.#timings = timings;
    this.#sweeper = setInterval(() => this.#sweep(), Math.min(SWEEP_MS, timings.readerGoneMs));
    this.#sweeper.unref();
    this.#stopHearing = transport.onRestored(() => {
      for (const feed of this.#feeds.values()) feed.resend();
    });
  }

  /** Ops that have not ended. */
  get live(): number {
    return [...this.#settled.values()].filter((op) => op.end === null).length;
  }

  /** Null when the op was cancelled before it began, or has been forgotten since. A known id is not begun again. */
  async start(id: string, originId: string, begin: () => Promise<ServedOp>): Promise<ServedOp | null> {
    if (this.#cancelled.has(id) || this.#forgotten.get(id) === originId) return null;
    const known = this.#ops.get(id);
    if (known !== undefined) return known;
    const begun = begin();
    this.#ops.set(id, begun);
    try {
      const op = await begun;
      this.#settled.set(id, op);
      void op.ended.then(() => this.#noteEnd(op));
      const forget = this.#cancelled.get(id);
      if (forget !== undefined) await op.cancel();
      if (forget === true) await this.#forgetEnded(op);
      return op;
    } catch (error) {
      if (this.#ops.get(id) === begun) this.#ops.delete(id);
      throw error;
    }
  }

  knows(id: string): boolean {
    return this.#ops.has(id);
  }

  /** The op, also one that another process of this machine has left. Null when nothing is known of it. */
  async find(id: string): Promise<ServedOp | null> {
    const known = await this.#ops.get(id)?.catch(() => null);
    if (known !== undefined && known !== null) return known;
    const { attach } = this.#box.capabilities;
    if (!attach.available) return null;
    const process = await attach.use.attach(id).catch((error: unknown) => {
      if (SandboxError.hasCode(error, 'not-found') || SandboxError.hasCode(error, 'invalid')) return null;
      throw error;
    });
    return process === null ? null : this.start(id, '', async () => new CommandOp(process, ''));
  }

  /** @throws WireRefusal NOT_FOUND */
  async get(id: string): Promise<ServedOp> {
    const op = await this.find(id);
    if (op !== null) return op;
    throw new WireRefusal(ErrorCode.NOT_FOUND, `There is no op ${JSON.stringify(id)} here.`, {
      box_code: 'not-found',
      started: 'no',
    });
  }

  /** Ends it; one that has not begun yet will not. */
  async cancel(id: string, forget: boolean): Promise<ServedOp | null> {
    const op = await this.find(id);
    if (op !== null) {
      await op.cancel();
      await op.ended;
      if (forget) await this.#forgetEnded(op);
    } else {
      remember(this.#cancelled, id, forget);
    }
    return op;
  }

  async forget(id: string): Promise<void> {
    const op = await this.get(id);
    await op.forget();
    this.#drop(id);
  }

  /** Of the others those that are known and have ended. @throws as `forget` for the first. */
  async forgetAll(id: string, others: readonly string[]): Promise<void> {
    const forgetting = this.forget(id);
    await Promise.allSettled([forgetting, ...others.map((other) => this.forget(other))]);
    await forgetting;
  }

  async attach(op: ServedOp, attach: OpAttach): Promise<OpStatus> {
    const reader = readerOf(op.id, attach);
    const present = this.#feeds.get(reader.streamId);
    if (present !== undefined && present.op === op) {
      if (!present.attach(reader)) return lost(op.id);
      return this.status(op);
    }
    present?.stop();
    if (!canBegin(op, reader)) return lost(op.id);
    if (this.#feeds.size >= MOST_FEEDS) {
      throw new WireRefusal(ErrorCode.DRAINING, 'Too many streams are read already. Try again.');
    }
    this.#feeds.set(reader.streamId, new OpFeed(op, reader, this.#transport, this.#timings.progressMs));
    return this.status(op);
  }

  async ack(streamId: string, ack: OpAck): Promise<void> {
    const feed = this.#feeds.get(streamId);
    feed?.ack(ack.attachGeneration, Number(ack.ackedSeq), Number(ack.creditBytes));
    if (!ack.final) return;
    this.#endFeed(streamId);
    // The reader of a named stream says only that it has done; the op is forgotten in words.
    if (streamId === ack.opId && feed !== undefined && feed.op.end !== null) {
      await feed.op.forget().then(
        () => this.#drop(ack.opId),
        () => undefined,
      );
    }
  }

  status(op: ServedOp, streamId = op.id): OpStatus {
    const { end } = op;
    const nextSeq = BigInt(this.#feeds.get(streamId)?.nextSeq ?? 1);
    if (end === null) return create(OpStatusSchema, { opId: op.id, state: OpState.RUNNING, nextSeq });
    return create(OpStatusSchema, { opId: op.id, state: OpState.COMPLETE, nextSeq, exit: exitMessage(end) });
  }

  async list(): Promise<readonly string[]> {
    const { attach } = this.#box.capabilities;
    const commands = [...this.#settled.values()].filter((op) => op.replayable).map(({ id }) => id);
    return attach.available ? attach.use.list() : commands;
  }

  /** Nothing is sent any more; what ends with its reader is ended. Commands go on. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#stopHearing();
    for (const streamId of [...this.#feeds.keys()]) this.#endFeed(streamId);
    const passing = [...this.#settled.values()].filter((op) => !op.replayable && op.end === null);
    await Promise.allSettled(passing.map((op) => op.cancel()));
  }

  /** Resolves when no op is under way and who reads has been told so, or when the signal aborts. */
  async idle(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    while (!signal.aborted) {
      const running = [...this.#settled.values()].filter((op) => op.end === null);
      if (running.length === 0) return Promise.race([aborted, this.#endsTold()]);
      await Promise.race([aborted, ...running.map((op) => op.ended)]);
    }
  }

  /** A reader that is slow or away is not waited for: it finds the end when the machine is back. */
  async #endsTold(): Promise<void> {
    const told = Promise.all([...this.#feeds.values()].map((feed) => feed.told));
    await Promise.race([told, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
  }

  async #forgetEnded(op: ServedOp): Promise<void> {
    await op.ended;
    await op.forget();
    this.#drop(op.id);
  }

  #endFeed(streamId: string): void {
    const feed = this.#feeds.get(streamId);
    this.#feeds.delete(streamId);
    feed?.stop();
  }

  #drop(id: string): void {
    const { originId = '' } = this.#settled.get(id) ?? {};
    if (originId !== '') remember(this.#forgotten, id, originId);
    this.#ops.delete(id);
    this.#settled.delete(id);
    this.#endedAt.delete(id);
    for (const [streamId, feed] of this.#feeds) if (feed.op.id === id) this.#endFeed(streamId);
  }

  #noteEnd({ id }: ServedOp): void {
    this.#endedAt.set(id, performance.now());
  }

  #sweep(): void {
    const now = performance.now();
    for (const [streamId, feed] of this.#feeds) {
      if (now - feed.heardAt < this.#timings.readerGoneMs) continue;
      this.#endFeed(streamId);
      if (!feed.op.replayable) void feed.op.cancel();
    }
    let surplus = this.#endedAt.size - MOST_KEPT;
    for (const [id, endedAt] of this.#endedAt) {
      if (now - endedAt < this.#timings.keptMs && surplus <= 0) continue;
      surplus--;
      void this.#settled
        .get(id)
        ?.forget()
        .catch(() => undefined);
      this.#drop(id);
    }
  }
}

function readerOf(opId: string, attach: OpAttach): FeedReader {
  return {
    streamId: attach.streamId === '' ? opId : attach.streamId,
    generation: attach.attachGeneration,
    fromSeq: Number(attach.fromSeq),
    windowBytes: Number(attach.windowBytes),
    cursor: { stdout: Number(attach.stdoutOffset), stderr: Number(attach.stderrOffset) },
    digest: attach.digest === 'sha256' ? 'sha256' : 'blake3',
  };
}

/** The oldest go first. */
function remember<T>(map: Map<string, T>, id: string, value: T): void {
  map.set(id, value);
  if (map.size <= MOST_REMEMBERED) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}

const lost = (opId: string): OpStatus =>
  create(OpStatusSchema, { opId, state: OpState.LOST, lostReason: OpLostReason.EVICTED });
