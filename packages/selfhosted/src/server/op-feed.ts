// What one reader is sent of an op: numbered frames, no more unacknowledged bytes than the reader has room for, and
// every frame kept until it is acknowledged, so that a link that comes back goes on where it was cut.

import { encodeDataFrame, longestMessage } from '@boxyard/agent-proto';
import {
  OpChangeSchema,
  type OpFrame,
  OpFrameSchema,
  OpOpenedSchema,
  OpProgressSchema,
  OpReadySchema,
} from '@boxyard/agent-proto/messages';
import type { OutputCursor } from '@boxyard/sandbox-core';
import { create, toBinary } from '@bufbuild/protobuf';
import { CHANGE_BYTES, ChannelCounts, type DigestKind } from '../channel-counts.ts';
import { agentErrorOf } from '../machine-failure.ts';
import type { AgentTransport } from './agent-transport.ts';
import { exitMessage } from './op-exit.ts';
import type { OpEnd, OpOutput, ServedOp } from './served-op.ts';

/**
 * A frame holds no more, although the bus would take more. What comes whole in one read of a socket (64 KiB) is handed
 * on by the client of the bus as it is; the rest is put together in memory of several times its size, and making and
 * collecting that costs more than anything else. Smaller ones cost more in work for each.
 */
const FRAME_DATA_BYTES = 16 * 1024;
/** Room in a frame beside its bytes: ids, numbers and tags. */
const FRAME_RESERVE_BYTES = 256;
const DEFAULT_WINDOW_BYTES = 4 * 1024 * 1024;
const LARGEST_WINDOW_BYTES = 16 * 1024 * 1024;

const UNREADABLE = {
  exitCode: -1,
  signal: null,
  endedBy: 'unknown',
  outputComplete: false,
  durationMs: 0,
} as const satisfies OpEnd;

export interface FeedReader {
  readonly streamId: string;
  readonly generation: bigint;
  /** The last frame that the reader has. */
  readonly fromSeq: number;
  /** 0 for the usual 4 MiB. */
  readonly windowBytes: number;
  /** Where to go on when no frame after `fromSeq` is kept. */
  readonly cursor: OutputCursor;
  readonly digest: DigestKind;
}

interface Kept {
  readonly seq: number;
  readonly payload: Uint8Array;
  readonly dataBytes: number;
  /** What its payload lies in, to be used again once it is acknowledged; null when it was sent more than once. */
  memory: Uint8Array<ArrayBuffer> | null;
}

type Body = OpFrame['body'];

export class OpFeed {
  readonly op: ServedOp;
  readonly streamId: string;
  readonly #transport: AgentTransport;
  readonly #progressMs: number;
  #reader: FeedReader;
  #kept: Kept[] = [];
  /** Of frames that nobody needs any more: making each anew would keep the collector of garbage busy. */
  #memory: Uint8Array<ArrayBuffer>[] = [];
  /** Frames that go out together at the end of this turn of the event loop. */
  #together: Kept[] = [];
  #unackedBytes = 0;
  #seq: number;
  #run: AbortController | null = null;
  #room: (() => void) | null = null;
  #counts: ChannelCounts;
  #progress: NodeJS.Timeout | undefined;
  #exitSent = false;
  #heardAt = performance.now();
  #told = Promise.withResolvers<void>();

  constructor(op: ServedOp, reader: FeedReader, transport: AgentTransport, progressMs: number) {
    this.op = op;
    this.streamId = reader.streamId;
    this.#reader = reader;
    this.#seq = reader.fromSeq;
    this.#transport = transport;
    this.#progressMs = progressMs;
    this.#counts = new ChannelCounts(reader.digest);
    this.#begin();
  }

  /** The number that the next frame will have. */
  get nextSeq(): number {
    return this.#seq + 1;
  }

  /** When the reader last said anything, on the clock of `performance.now()`. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Resolves when the end of the op has been sent, or nothing more will be. */
  get told(): Promise<void> {
    return this.#told.promise;
  }

  /** Goes on after the last frame that the reader has. @returns False when that is not possible any more. */
  attach(reader: FeedReader): boolean {
    this.#heardAt = performance.now();
    // A message that was overtaken by a newer one says nothing new.
    if (reader.generation < this.#reader.generation) return true;
    const repeated = reader.generation === this.#reader.generation;
    this.#reader = reader;
    if (repeated) return true;
    const first = this.#kept[0]?.seq ?? this.#seq + 1;
    if (reader.fromSeq >= first - 1 && reader.fromSeq <= this.#seq) {
      this.#drop(reader.fromSeq);
      this.resend();
      this.#room?.();
      return true;
    }
    if (!canBegin(this.op, reader)) return false;
    this.stop();
    this.#kept = [];
    this.#unackedBytes = 0;
    this.#seq = reader.fromSeq;
    this.#begin();
    return true;
  }

  ack(generation: bigint, ackedSeq: number, creditBytes: number): void {
    this.#heardAt = performance.now();
    if (generation < this.#reader.generation) return;
    if (creditBytes > 0) this.#reader = { ...this.#reader, windowBytes: creditBytes };
    this.#drop(ackedSeq);
    this.#room?.();
  }

  /** Sends again what has not been acknowledged: it may have been lost with a link. */
  resend(): void {
    this.#together = [];
    for (const kept of this.#kept) {
      // The one or the other may still wait somewhere when its like is acknowledged.
      kept.memory = null;
      this.#transport.sendFrame(this.streamId, kept.payload);
    }
  }

  /** Sends nothing more. The op goes on where it can do without a reader. */
  stop(): void {
    // With a reason, because an error that nobody sees would be made otherwise.
    this.#run?.abort('stopped');
    this.#run = null;
    this.#endProgress();
    this.#together = [];
    this.#told.resolve();
    this.#room?.();
  }

  #begin(): void {
    const run = new AbortController();
    this.#run = run;
    this.#exitSent = false;
    this.#told = Promise.withResolvers();
    this.#counts = new ChannelCounts(this.#reader.digest);
    this.#armProgress();
    void this.#pump(this.#reader.cursor, run.signal);
  }

  async #pump(from: OutputCursor, signal: AbortSignal): Promise<void> {
    let failure: unknown = null;
    try {
      for await (const output of this.op.output(from, signal)) {
        await this.#send(output, signal);
        if (signal.aborted) return;
      }
    } catch (error) {
      failure = error;
    }
    if (signal.aborted) return;
    // What could not be read does not end the command, but it ends the reading.
    const end = failure === null ? await this.op.ended : { ...UNREADABLE, error: agentErrorOf(failure) };
    if (signal.aborted) return;
    this.#exitSent = true;
    this.#endProgress();
    const exit = exitMessage(failure === null ? (this.op.end ?? end) : end);
    const { digests, totals } = this.#counts.result();
    Object.assign(exit, {
      digests,
      totals,
      stdoutFrom: BigInt(from.stdout),
      stderrFrom: BigInt(from.stderr),
    });
    this.#put({ case: 'exit', value: exit });
    this.#sendTogether();
    this.#told.resolve();
  }

  async #send(output: OpOutput, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    if (output.kind === 'data') {
      this.#counts.add(output.channel, output.bytes);
      const longest = Math.min(
        FRAME_DATA_BYTES,
        longestMessage(this.#transport.maxPayload()) - FRAME_RESERVE_BYTES,
      );
      const { bytes, channel } = output;
      for (let at = 0; at < bytes.length; at += longest) {
        const piece = bytes.subarray(at, at + longest);
        if (!this.#hasRoom(piece.length)) await this.#waitForRoom(piece.length, signal);
        if (signal.aborted) return;
        const frame = {
          opId: this.op.id,
          seq: this.#seq + 1,
          channel,
          bytes: piece,
          offset: output.offset + at,
        };
        const memory = this.#memory.pop() ?? new Uint8Array(FRAME_DATA_BYTES + FRAME_RESERVE_BYTES);
        this.#keep(encodeDataFrame(frame, memory), piece.length, memory);
      }
      return;
    }
    if (output.kind === 'ready') this.#put({ case: 'ready', value: create(OpReadySchema) });
    else if (output.kind === 'change') {
      const bytes = CHANGE_BYTES + output.change.path.length;
      await this.#waitForRoom(bytes, signal);
      if (!signal.aborted) this.#put({ case: 'change', value: create(OpChangeSchema, output.change) }, bytes);
    } else {
      const { version, sizeBytes } = output;
      this.#put({ case: 'opened', value: create(OpOpenedSchema, { version, sizeBytes: BigInt(sizeBytes) }) });
    }
  }

  #put(body: Body, dataBytes = 0): void {
    const frame = create(OpFrameSchema, { opId: this.op.id, seq: BigInt(this.#seq + 1), body });
    this.#keep(toBinary(OpFrameSchema, frame), dataBytes, null);
  }

  /** Sends the next frame, which stays here until it is acknowledged. */
  #keep(payload: Uint8Array, dataBytes: number, memory: Uint8Array<ArrayBuffer> | null): void {
    const kept = { seq: ++this.#seq, payload, dataBytes, memory };
    this.#kept.push(kept);
    this.#unackedBytes += dataBytes;
    this.#together.push(kept);
    if (dataBytes >= FRAME_DATA_BYTES) this.#sendTogether();
    else if (this.#together.length === 1) setImmediate(() => this.#sendTogether());
    if (!this.#exitSent) this.#armProgress();
  }

  /** The last words of a short command and its end are one wake-up for everybody on the way. */
  #sendTogether(): void {
    const frames = this.#together;
    if (frames.length === 0) return;
    this.#together = [];
    for (const { payload } of frames) this.#transport.sendFrame(this.streamId, payload);
  }

  #drop(ackedSeq: number): void {
    let count = 0;
    for (const { seq, dataBytes, memory } of this.#kept) {
      if (seq > ackedSeq) break;
      this.#unackedBytes -= dataBytes;
      if (memory !== null) this.#memory.push(memory);
      count++;
    }
    if (count > 0) this.#kept.splice(0, count);
  }

  /** Something always passes, or what is longer than the window never would. */
  #hasRoom(bytes: number): boolean {
    const window = Math.min(this.#reader.windowBytes || DEFAULT_WINDOW_BYTES, LARGEST_WINDOW_BYTES);
    return this.#unackedBytes === 0 || this.#unackedBytes + bytes <= window;
  }

  async #waitForRoom(bytes: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#hasRoom(bytes)) {
      await new Promise<void>((resolve) => {
        this.#room = resolve;
      });
      this.#room = null;
    }
  }

  #endProgress(): void {
    clearTimeout(this.#progress);
    this.#progress = undefined;
  }

  #armProgress(): void {
    if (this.#progress !== undefined) {
      this.#progress.refresh();
      return;
    }
    this.#progress = setTimeout(
      () => this.#put({ case: 'progress', value: create(OpProgressSchema) }),
      this.#progressMs,
    );
    this.#progress.unref();
  }
}

/**
 * Whether its output can be read from there without any frame that was sent before. The stream that carries the id of
 * the op has nothing but numbers to say where it was, and those of another reading are not the same.
 */
export function canBegin(op: ServedOp, { fromSeq, streamId }: FeedReader): boolean {
  return fromSeq === 0 || (op.replayable && streamId !== op.id);
}
