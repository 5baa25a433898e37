// Reads one op to its end: frames in their order, gaps filled by asking again, a link that was lost taken up where it
// was, and nothing reported as complete before counts and digests agree.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  OpAckSchema,
  type OpAttachSchema,
  OpChannel,
  type OpExit,
  type OpOpened,
  type OpStartSchema,
} from '@boxyard/agent-proto/messages';
import { type Bytes, OUTPUT_START, type OutputCursor, SandboxError } from '@boxyard/sandbox-core';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { CHANGE_BYTES, ChannelCounts } from './channel-counts.ts';
import type { HeardStream, OpFrames } from './control-rpc.ts';
import type { AskOptions, MachineCalls } from './machine-calls.ts';
import { sandboxErrorOf } from './machine-failure.ts';
import type { MachineTimings } from './machine-timings.ts';
import { type FrameBody, readFrame } from './op-frame.ts';
import type { OpEnded, OpNews } from './op-news.ts';
import { assertKnown } from './op-state.ts';
import { assertWhole } from './whole-stream.ts';

const WINDOW_BYTES = 4 * 1024 * 1024;

/** What an op is started as. */
export type StartedOp = NonNullable<
  Extract<MessageInitShape<typeof OpStartSchema>, { readonly $typeName?: never }>['op']
>;

let nextReader = 0n;

export interface OpReaderOptions {
  readonly calls: MachineCalls;
  readonly frames: OpFrames;
  readonly opId: string;
  /** Begins the message of an error. */
  readonly what: string;
  /**
   * The agent lets each reader have a stream of its own, from any place. One that does not has a single stream of the
   * op, which begins at the beginning.
   */
  readonly ownStream: boolean;
  readonly from?: OutputCursor | undefined;
}

type Arrived = { readonly seq: number; readonly body: FrameBody };

export class OpReader {
  readonly #options: OpReaderOptions;
  readonly #timings: MachineTimings;
  readonly #streamId: string;
  readonly #from: OutputCursor;
  readonly #counts: ChannelCounts;
  /** Received in order and not yet read. */
  readonly #queue: Arrived[] = [];
  /** Received before one that is still missing. */
  readonly #early = new Map<number, FrameBody>();
  readonly #offsets = new Map<OpChannel, number>();
  readonly #ended = new AbortController();
  #heard: HeardStream | null = null;
  /** The last frame of an unbroken row. */
  #frontier = 0;
  /** The last frame that was read. */
  #read = 0;
  #cursor: OutputCursor;
  #unackedBytes = 0;
  /** Of the frame that was taken last. */
  #takenBytes = 0;
  #generation: bigint;
  #failure: unknown = null;
  #wake: (() => void) | null = null;
  #heardAt = performance.now();
  #healing = false;
  #begun = false;
  #stopRestored: () => void = () => undefined;
  #onOpened: (opened: OpOpened) => void = () => undefined;
  #onFailed: (error: unknown) => void = () => undefined;
  #gapTimer: NodeJS.Timeout | undefined;
  #watchTimer: NodeJS.Timeout | undefined;
  #ackedAt = performance.now();

  constructor(options: OpReaderOptions) {
    const { frames, opId, ownStream, from = OUTPUT_START, calls } = options;
    this.#options = options;
    this.#timings = calls.timings;
    this.#streamId = ownStream ? `${frames.reader}.${randomUUID()}` : opId;
    this.#from = from;
    // Of a stream that is the op's own only the newest reader counts, whichever process it is in.
    this.#generation = ownStream ? 1n : BigInt(Date.now()) * 1000n + nextReader++;
    this.#cursor = ownStream ? from : OUTPUT_START;
    this.#counts = new ChannelCounts(ownStream ? 'sha256' : 'blake3');
  }

  /** To be awaited before the op is asked for: from now on no frame is missed. */
  async listen(): Promise<void> {
    const { frames, calls } = this.#options;
    this.#heard = await frames.listen(calls.machine, this.#streamId, (payload) => this.#arrive(payload));
    this.#stopRestored = frames.onRestored(() => void this.#heal());
    if (this.#ended.signal.aborted) this.#letGo();
    const everyMs = Math.max(10, Math.min(this.#timings.ackMs, this.#timings.silenceMs) / 2);
    this.#watchTimer = setInterval(() => this.#look(), everyMs);
    this.#watchTimer.unref();
  }

  /** How the agent is asked for the frames, from where this reader is. */
  attachMessage(): MessageInitShape<typeof OpAttachSchema> {
    const { opId, ownStream } = this.#options;
    return {
      opId,
      fromSeq: BigInt(this.#frontier),
      attachGeneration: this.#generation,
      windowBytes: BigInt(WINDOW_BYTES),
      ...(ownStream
        ? {
            streamId: this.#streamId,
            stdoutOffset: BigInt(this.#cursor.stdout),
            stderrOffset: BigInt(this.#cursor.stderr),
            digest: 'sha256',
          }
        : {}),
    };
  }

  /** Starts the op and hears it from its first frame on. */
  async start(op: StartedOp, asked: Pick<AskOptions, 'signal' | 'changes' | 'fence'>): Promise<void> {
    const { calls, opId, what } = this.#options;
    await this.listen();
    const value = { op, originId: opId, attach: this.attachMessage() };
    await calls.ask({ case: 'opStart', value } as const, { ...asked, what, requestId: opId });
    this.begun();
  }

  /** Asks for the frames of an op that has been started before. */
  async attach(signal: AbortSignal): Promise<void> {
    const { calls, what } = this.#options;
    const op = { case: 'opAttach', value: this.attachMessage() } as const;
    assertKnown(await calls.ask(op, { what, signal }), what);
    this.begun();
  }

  /** The op has been started: from now on its silence is asked about. */
  begun(): void {
    this.#begun = true;
    this.#heardAt = performance.now();
  }

  /**
   * Everything that it says, and at last how it ended.
   *
   * @throws SandboxError what made the op or its stream fail. Counts and digests have been checked otherwise.
   */
  async *news(signal: AbortSignal): AsyncGenerator<OpNews, OpExit, void> {
    const letGo = this.wakeOn(signal);
    try {
      while (true) {
        const item = this.take(signal);
        if (item === null) await this.more();
        else if (item.kind === 'exit') return item.exit;
        else yield item;
      }
    } finally {
      letGo();
      this.stop();
    }
  }

  /**
   * The next of what is here, or null: then `more` waits. Without a promise for each frame, of which there are
   * thousands in a second. What was taken before counts as read.
   *
   * @throws SandboxError as `news`, and `cancelled` once the signal has aborted.
   */
  take(signal: AbortSignal): OpNews | OpEnded | null {
    this.#noteRead(this.#takenBytes);
    this.#takenBytes = 0;
    if (signal.aborted) throw cancelled(this.#options.what, signal);
    for (let arrived = this.#queue.shift(); arrived !== undefined; arrived = this.#queue.shift()) {
      this.#read = arrived.seq;
      const { body } = arrived;
      if (body.case === 'exit') {
        const { what, ownStream } = this.#options;
        assertWhole(body.value, what, ownStream ? this.#from : OUTPUT_START, this.#counts);
        return { kind: 'exit', exit: body.value };
      }
      const bytes = sizeOf(body);
      const news = this.#newsOf(body);
      if (news !== null) {
        this.#takenBytes = bytes;
        return news;
      }
      this.#noteRead(bytes);
    }
    if (this.#failure !== null) throw this.#failure;
    return null;
  }

  /** Resolves when there may be more to take. For one waiter. */
  more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }

  /** Ends a wait for more with this signal too. @returns Lets go of the signal. */
  wakeOn(signal: AbortSignal): () => void {
    const wake = () => this.#wake?.();
    signal.addEventListener('abort', wake, { once: true });
    return () => signal.removeEventListener('abort', wake);
  }

  /** The word that comes before the content of a file, as soon as it is here. */
  opened(signal: AbortSignal): Promise<OpOpened> {
    return new Promise((resolve, reject) => {
      this.#onOpened = resolve;
      this.#onFailed = reject;
      const stop = () => reject(cancelled(this.#options.what, signal));
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
    });
  }

  /** Nothing more is heard. The machine is told that nobody reads any more. Idempotent. */
  stop(): void {
    if (this.#ended.signal.aborted) return;
    // With a reason, because an error that nobody sees would be made otherwise.
    this.#ended.abort('stopped');
    clearTimeout(this.#gapTimer);
    clearInterval(this.#watchTimer);
    if (this.#options.ownStream) this.#ack(true);
    this.#letGo();
    this.#wake?.();
  }

  #letGo(): void {
    this.#heard?.stop();
    this.#stopRestored();
  }

  #newsOf(body: FrameBody): OpNews | null {
    switch (body.case) {
      case 'data': {
        const { channel, offset: told } = body.value;
        const at = this.#options.ownStream ? told : (this.#offsets.get(channel) ?? 0);
        this.#offsets.set(channel, at + body.value.bytes.length);
        // A stream that can only begin at the beginning is read up to where its reader was.
        const wanted = channel === OpChannel.STDERR ? this.#from.stderr : this.#from.stdout;
        const skip = isOutput(channel) ? Math.max(0, wanted - at) : 0;
        const bytes = ownBytes(body.value.bytes.subarray(skip));
        return bytes.length === 0 ? null : { kind: 'data', channel, bytes, offset: at + skip };
      }
      case 'change':
        return { kind: 'change', change: body.value };
      case 'opened':
        return { kind: 'opened', opened: body.value };
      case 'ready':
        return { kind: 'ready' };
      default:
        return null;
    }
  }

  #arrive(payload: Uint8Array): void {
    if (this.#ended.signal.aborted) return;
    const frame = readFrame(payload);
    if (frame === null || frame.opId !== this.#options.opId) return;
    this.begun();
    const { seq } = frame;
    if (seq <= this.#frontier) return;
    if (seq === this.#frontier + 1) this.#accept(seq, frame.body);
    else this.#early.set(seq, frame.body);
    for (let next = this.#frontier + 1; this.#early.size > 0 && this.#early.has(next); next++) {
      const body = this.#early.get(next);
      this.#early.delete(next);
      if (body !== undefined) this.#accept(next, body);
    }
    if (this.#early.size === 0) {
      clearTimeout(this.#gapTimer);
      this.#gapTimer = undefined;
    } else this.#gapTimer ??= setTimeout(() => void this.#heal(), this.#timings.gapMs).unref();
    this.#wake?.();
  }

  #accept(seq: number, body: FrameBody): void {
    this.#frontier = seq;
    if (body.case === 'data') {
      const { channel, bytes } = body.value;
      this.#counts.add(channel, bytes);
      const { stdout, stderr } = this.#cursor;
      if (channel === OpChannel.STDOUT) this.#cursor = { stdout: stdout + bytes.length, stderr };
      else if (channel === OpChannel.STDERR) this.#cursor = { stdout, stderr: stderr + bytes.length };
    }
    this.#queue.push({ seq, body });
    if (body.case === 'opened') this.#onOpened(body.value);
    if (body.case === 'exit' && body.value.error !== undefined) {
      this.#onFailed(sandboxErrorOf(body.value.error, this.#options.what, false));
    }
    if (body.case === 'progress' && this.#queue.length === 1) {
      this.#queue.length = 0;
      this.#read = seq;
      this.#ack(false);
    }
  }

  #noteRead(bytes: number): void {
    if (bytes === 0) return;
    this.#unackedBytes += bytes;
    if (this.#unackedBytes >= WINDOW_BYTES / 2) this.#ack(false);
  }

  #ack(final: boolean): void {
    const { frames, calls, opId } = this.#options;
    this.#unackedBytes = 0;
    this.#ackedAt = performance.now();
    const ack = create(OpAckSchema, {
      opId,
      ackedSeq: BigInt(this.#read),
      creditBytes: BigInt(WINDOW_BYTES),
      attachGeneration: this.#generation,
      final,
    });
    frames.ack(calls.machine, this.#streamId, toBinary(OpAckSchema, ack));
  }

  /** Looked at now and then: whether to ack, and whether it has been silent for too long. */
  #look(): void {
    const now = performance.now();
    if (!this.#begun) return;
    if (now - this.#ackedAt >= this.#timings.ackMs) this.#ack(false);
    if (now - this.#heardAt >= this.#timings.silenceMs) void this.#heal();
  }

  /** Asks for what is missing, for as long as the machine may stay away. */
  async #heal(): Promise<void> {
    if (!this.#begun || this.#healing || this.#ended.signal.aborted || this.#failure !== null) return;
    this.#healing = true;
    this.#gapTimer = undefined;
    const { signal } = this.#ended;
    try {
      while (!signal.aborted) {
        this.#generation++;
        try {
          await this.attach(signal);
          this.#heardAt = performance.now();
          return;
        } catch (error) {
          const awayMs = performance.now() - this.#heardAt;
          if (!isAway(error) || awayMs >= this.#timings.awayMs) throw error;
          await sleep(this.#timings.pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
        }
      }
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    } finally {
      this.#healing = false;
    }
  }

  #fail(error: unknown): void {
    const { what, opId } = this.#options;
    this.#failure = isAway(error)
      ? new SandboxError(
          'outcome-unknown',
          `${what}: the machine stays away. ${opId} may go on there: attach to it when the machine is back.`,
          { cause: error },
        )
      : error;
    this.#onFailed(this.#failure);
    this.#wake?.();
  }
}

/** A view of the frame where that is possible: copying output would cost more than carrying it. */
const ownBytes = (bytes: Uint8Array): Bytes =>
  bytes.buffer instanceof ArrayBuffer ? (bytes as Bytes) : new Uint8Array(bytes);

/** What it counts against the window. */
function sizeOf(body: FrameBody): number {
  if (body.case === 'data') return body.value.bytes.length;
  return body.case === 'change' ? CHANGE_BYTES + body.value.path.length : 0;
}

const isOutput = (channel: OpChannel) => channel === OpChannel.STDOUT || channel === OpChannel.STDERR;
const isAway = (error: unknown) => SandboxError.hasCode(error, 'unreachable');

const cancelled = (what: string, signal: AbortSignal) =>
  SandboxError.isInstance(signal.reason)
    ? signal.reason
    : new SandboxError('cancelled', `${what} was cancelled by its reader.`, { cause: signal.reason });
