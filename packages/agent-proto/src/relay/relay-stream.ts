// One end of a stream, which outlives the websockets that carry it: after a cut it comes back and goes on where the
// other side stands. What is written and not taken yet stays here, and that is bounded: a slow reader far away makes
// the writer here wait.
import { create } from '@bufbuild/protobuf';
import {
  type DesktopInput,
  DesktopInputSchema,
  StreamAckSchema,
  type StreamClose,
  StreamCloseReason,
  StreamCloseSchema,
  StreamFrameSchema,
  StreamKind,
} from '../messages.ts';
import { frameCost } from './frame-cost.ts';
import { ReceiveQueue } from './receive-queue.ts';
import type { RelayChannel } from './relay-channel.ts';
import { endOfGoodbye, failure, type RelayEnd } from './relay-end.ts';
import { RelayError } from './relay-error.ts';
import { RelayLink, type RelayLinkSettings } from './relay-link.ts';
import { encodeAck, encodeClose, encodeFrame, encodeInput, type RelayMessage } from './relay-message.ts';
import { SendQueue } from './send-queue.ts';

export interface RelayStreamSettings extends RelayLinkSettings {
  readonly resumeFromSeq: number;
}

/** What the other side said. */
export type RelayEvent =
  | { readonly kind: 'data'; readonly bytes: Uint8Array; readonly seq: number }
  /** Of a port: the other side has nothing more to say, and may still listen. */
  | { readonly kind: 'finished'; readonly seq: number }
  /** Frames that came while nobody here listened and that the relay no longer has. Never for a desktop. */
  | { readonly kind: 'gap'; readonly missedFrames: number }
  | { readonly kind: 'input'; readonly input: DesktopInput };

/** Frames of this size keep a terminal lively and cost little each. */
const MAX_FRAME_BYTES = 64 * 1024;
/** A quarter of a window that was read is acked at once, so that the other side need not stop. */
const ACK_PART = 4;
/** Less than that is acked after a while: an ack for every key stroke would cost more than it brings. */
const ACK_DELAY_MS = 20;

export class RelayStream implements AsyncDisposable {
  readonly channel: RelayChannel;
  /** Resolves once the stream has ended, for whatever reason. Never rejects. */
  readonly ended: Promise<RelayEnd>;
  readonly #windowBytes: number;
  readonly #newestOnly: boolean;
  readonly #link: RelayLink;
  readonly #outgoing: SendQueue;
  readonly #incoming: ReceiveQueue<RelayEvent>;
  /** What the relay lets be under way; 0 for one that does not ack. */
  #peerWindow = 0;
  #accepted = false;
  #nextSeq: number;
  /** Everything below was read by the caller. */
  #readSeq: number;
  #unackedBytes = 0;
  #ackTimer: NodeJS.Timeout | undefined;
  /** Waits for everything before it to be sent. */
  #goodbye: StreamClose | null = null;
  #end: RelayEnd | null = null;
  readonly #tellEnd: (end: RelayEnd) => void;
  #waiting: (() => void)[] = [];
  #writeTurn: Promise<void> = Promise.resolve();

  constructor(settings: RelayStreamSettings) {
    this.channel = settings.channel;
    this.#windowBytes = settings.windowBytes;
    this.#newestOnly = settings.channel.kind === StreamKind.DESKTOP;
    this.#outgoing = new SendQueue(this.#newestOnly);
    this.#incoming = new ReceiveQueue((event, cost) => this.#wasRead(event, cost));
    this.#nextSeq = settings.resumeFromSeq;
    this.#readSeq = settings.resumeFromSeq;
    const { promise, resolve } = Promise.withResolvers<RelayEnd>();
    this.ended = promise;
    this.#tellEnd = resolve;
    this.#link = new RelayLink(settings, {
      nextSeq: () => this.#nextSeq,
      accepted: (ack) => {
        this.#accepted = true;
        this.#peerWindow = Number(ack.windowBytes);
        this.#outgoing.resumeAt(Number(ack.resumeFromSeq));
        this.#wake();
        this.#pump();
      },
      message: (message) => this.#hear(message),
      closed: () =>
        this.#finish({
          reason: this.#goodbye?.reason ?? StreamCloseReason.NORMAL,
          message: this.#goodbye?.message ?? '',
          error: null,
        }),
      failed: (why) => this.#finish(why),
    });
    void this.#link.connect();
  }

  /**
   * Resolves once the relay has accepted the stream for the first time; gives it up when that is not in time.
   *
   * @throws RelayError
   */
  async opened(signal: AbortSignal | undefined, deadlineMs: number): Promise<void> {
    const deadline = AbortSignal.timeout(deadlineMs);
    const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
    while (!this.#accepted) {
      if (signal?.aborted)
        this.#finish(failure('aborted', 'The stream was given up before the relay accepted it.'));
      else if (deadline.aborted) {
        this.#finish(
          failure('unreachable', `No relay accepted the stream within ${deadlineMs} ms. Check that it runs.`),
        );
      }
      if (this.#end !== null) throw this.#end.error ?? closedError();
      await this.#changed(either);
    }
  }

  /** What the other side says, for one reader. Ends when the stream does; then see `ended`. */
  read(): AsyncIterable<RelayEvent> {
    return this.#incoming.read();
  }

  /**
   * Resolves once the bytes are on their way or wait here for their turn; a slow other side makes it wait before.
   * For a desktop the bytes are one frame, nothing waits, and a frame that could not go gives way to this one.
   *
   * @throws RelayError when the stream has ended or the signal aborts; then nothing of it was taken.
   */
  write(bytes: Uint8Array, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const pieceBytes = this.#newestOnly ? bytes.length : MAX_FRAME_BYTES;
    return this.#inTurn(signal, () => {
      for (let at = 0; at < bytes.length; at += pieceBytes) this.#push(bytes.subarray(at, at + pieceBytes));
    });
  }

  /**
   * Of a port: says that nothing more is written from here. What the other side says is still read.
   *
   * @throws RelayError when the stream has ended, or is none of a port.
   */
  async finishWriting(): Promise<void> {
    if (this.channel.kind !== StreamKind.PORT) {
      throw new RelayError(
        'not-allowed',
        'Only a connection to a port ends in one direction. Close the stream.',
      );
    }
    return this.#inTurn(undefined, () => this.#push(new Uint8Array()));
  }

  /** Behind what was written before, once there is room for it. */
  #inTurn(signal: AbortSignal | undefined, push: () => void): Promise<void> {
    const turn = this.#writeTurn.then(async () => {
      this.#throwIfEnded();
      while (!this.#newestOnly && this.#outgoing.pendingBytes >= this.#windowBytes) {
        if (signal?.aborted)
          throw new RelayError('aborted', 'The write was given up; nothing of it was sent.');
        await this.#changed(signal);
        this.#throwIfEnded();
      }
      push();
      this.#pump();
    });
    this.#writeTurn = turn.catch(() => {});
    return turn;
  }

  /** Pointer and keys for a desktop. What cannot go now is dropped: late input would hit something else. */
  sendInput(event: DesktopInput['event']): void {
    this.#throwIfEnded();
    if (!this.#link.isOpen) return;
    this.#link.send(encodeInput(create(DesktopInputSchema, { channelId: this.channel.channelId, event })));
  }

  /**
   * Ends the stream in good order: everything written is brought over first, at most for `deadlineMs` (10 000 when
   * absent). Idempotent, and never throws; `ended` says how it went.
   */
  async close({
    reason = StreamCloseReason.NORMAL,
    message = '',
    deadlineMs = 10_000,
  }: {
    readonly reason?: StreamCloseReason | undefined;
    readonly message?: string | undefined;
    readonly deadlineMs?: number | undefined;
  } = {}): Promise<void> {
    await this.#writeTurn;
    this.#goodbye ??= create(StreamCloseSchema, { channelId: this.channel.channelId, reason, message });
    this.#pump();
    const timer = setTimeout(() => {
      this.#finish(
        failure('unreachable', `The stream could not be closed in order within ${deadlineMs} ms.`),
      );
    }, deadlineMs);
    await this.ended;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #throwIfEnded(): void {
    if (this.#end !== null) throw this.#end.error ?? closedError();
    if (this.#goodbye !== null) throw closedError();
  }

  /** The bytes are copied here: a caller may use its buffer again, and they may have to be sent a second time. */
  #push(data: Uint8Array): void {
    const { channelId } = this.channel;
    this.#outgoing.push(data.length, (seq) =>
      encodeFrame(
        create(StreamFrameSchema, { channelId, seq: BigInt(seq), data, producedAtMs: BigInt(Date.now()) }),
      ),
    );
  }

  /** Sends what there is, as far as the network and the window let it. */
  #pump(): void {
    while (this.#link.isOpen && this.#hasRoom()) {
      const frame = this.#outgoing.takeNext();
      if (frame === undefined) break;
      this.#link.send(frame.message, () => this.#wasFlushed(frame.seq));
    }
    if (this.#goodbye === null || !this.#link.isOpen) return;
    if (this.#outgoing.pendingBytes === this.#outgoing.underWayBytes) {
      this.#link.sayGoodbye(encodeClose(this.#goodbye));
    }
  }

  #hasRoom(): boolean {
    const underWay = this.#outgoing.underWayBytes;
    // One frame at a time for a desktop: what is newer meanwhile goes instead of what would have queued up.
    if (this.#newestOnly) return underWay === 0;
    return underWay < (this.#peerWindow > 0 ? this.#peerWindow : this.#windowBytes);
  }

  #wasFlushed(seq: number): void {
    if (this.#peerWindow > 0) return;
    this.#outgoing.flushed(seq);
    this.#wake();
    this.#pump();
  }

  #hear(message: RelayMessage): void {
    switch (message.kind) {
      case 'frame':
        this.#received(Number(message.value.seq), message.value.data);
        break;
      case 'input':
        this.#incoming.push({ kind: 'input', input: message.value }, frameCost(0));
        this.#pauseWhenFull();
        break;
      case 'ack':
        this.#outgoing.taken(Number(message.value.nextSeq));
        this.#wake();
        this.#pump();
        break;
      case 'close':
        this.#finish(endOfGoodbye(message.value));
        break;
      default:
    }
  }

  #received(seq: number, data: Uint8Array): void {
    // A desktop's newest picture is the newest, whatever its number: an older producer may count anew.
    if (seq < this.#nextSeq && !this.#newestOnly) return;
    if (seq > this.#nextSeq && !this.#newestOnly) {
      this.#incoming.push({ kind: 'gap', missedFrames: seq - this.#nextSeq }, 0);
    }
    this.#nextSeq = seq + 1;
    const finished = data.length === 0 && this.channel.kind === StreamKind.PORT;
    const event = finished
      ? ({ kind: 'finished', seq } as const)
      : ({ kind: 'data', bytes: data, seq } as const);
    this.#incoming.push(event, frameCost(data.length));
    this.#pauseWhenFull();
  }

  /** Only a relay that does not heed our window comes so far. */
  #pauseWhenFull(): void {
    this.#link.setPaused(this.#incoming.bytes > 2 * this.#windowBytes);
  }

  #wasRead(event: RelayEvent, cost: number): void {
    if (event.kind === 'data' || event.kind === 'finished') this.#readSeq = event.seq + 1;
    this.#pauseWhenFull();
    this.#unackedBytes += cost;
    if (this.#peerWindow === 0) return;
    const isDue = this.#newestOnly || this.#unackedBytes >= this.#windowBytes / ACK_PART;
    if (isDue) this.#ack();
    else this.#ackTimer ??= setTimeout(() => this.#ack(), ACK_DELAY_MS);
  }

  #ack(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.#unackedBytes = 0;
    const nextSeq = BigInt(this.#readSeq);
    this.#link.send(encodeAck(create(StreamAckSchema, { channelId: this.channel.channelId, nextSeq })));
  }

  #finish(end: RelayEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    clearTimeout(this.#ackTimer);
    this.#link.stop(end.error === null ? 'close' : 'terminate');
    this.#incoming.end();
    this.#tellEnd(end);
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Resolves when something about this stream changed or the signal aborted; callers look again. */
  async #changed(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    const wake = () => resolve();
    signal?.addEventListener('abort', wake, { once: true });
    await promise;
    signal?.removeEventListener('abort', wake);
  }
}

const closedError = () => new RelayError('closed', 'The stream is closed. Open another one.');
