// One stream: its producer, its viewers, and what each said that another has not taken yet.

import {
  type StreamClose,
  StreamCloseReason,
  StreamCloseSchema,
  StreamKind,
} from '@boxyard/agent-proto/messages';
import { encodeClose, RelayCloseCode, type RelayMessage } from '@boxyard/agent-proto/relay';
import { create } from '@bufbuild/protobuf';
import { ChannelInput } from './channel-input.ts';
import { FrameRing } from './frame-ring.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { Outlet } from './outlet.ts';
import type { RelayCounters } from './relay-counters.ts';
import type { RelayLimits } from './relay-limits.ts';
import type { RelayPeer } from './relay-peer.ts';

export interface ChannelParts {
  readonly channelId: string;
  readonly limits: RelayLimits;
  readonly budget: MemoryBudget;
  readonly counters: RelayCounters;
  readonly now: () => number;
  /** Nobody is there and nothing is kept any more. */
  readonly onEmpty: () => void;
}

/** Of a websocket that ended as it should. */
const NORMAL = 1000;
/** How much of a window may be taken before an ack tells. */
const ACK_PART = 4;
/** Input of a desktop that cannot go out at once would hit something else. */
const MAX_INPUT_BACKLOG_BYTES = 64 * 1024;

export class PairedChannel {
  readonly #parts: ChannelParts;
  /** From the producer, for every viewer. */
  readonly #output: FrameRing;
  /** From viewers, for the producer. */
  readonly #input: ChannelInput;
  #producer: RelayPeer | null = null;
  readonly #viewers = new Map<string, RelayPeer>();
  #kind: StreamKind = StreamKind.UNSPECIFIED;
  /** Before it everything was taken by the viewers that count. Only grows. */
  #floor = 0;
  #ackedToProducer = 0;
  #goodbye: StreamClose | null = null;
  /** Of a connection to a port: its one user will not come back for what is left. */
  #userLeft = false;
  #halfOpenSinceMs: number;
  readonly #onFree = () => this.#settleOutput();

  constructor(parts: ChannelParts) {
    this.#parts = parts;
    this.#output = new FrameRing(parts.budget);
    this.#input = new ChannelInput(parts.channelId, parts.budget);
    this.#halfOpenSinceMs = parts.now();
  }

  get producer(): RelayPeer | null {
    return this.#producer;
  }

  get viewers(): Iterable<RelayPeer> {
    return this.#viewers.values();
  }

  get viewerCount(): number {
    return this.#viewers.size;
  }

  hasViewer(viewerId: string): boolean {
    return this.#viewers.has(viewerId);
  }

  /** The newest producer counts; an older one is told that it was replaced. Returns the next frame wanted of it. */
  joinProducer(peer: RelayPeer, resumeFromSeq: number): number {
    this.#producer?.cut(RelayCloseCode.replacedOrFenced, null, 'replaced');
    this.#producer = peer;
    this.#kind = peer.ticket.kind;
    this.#goodbye = null;
    this.#ackedToProducer = this.#floor;
    this.#sidesChanged();
    const from = this.#input.offsetFor(resumeFromSeq);
    peer.outlet = this.#outlet(this.#input.ring, peer, from, () => this.#settleInput());
    return this.#output.nextSeq ?? 0;
  }

  /** Whoever comes again replaces itself. Returns the next frame wanted of it. */
  joinViewer(viewerId: string, peer: RelayPeer, resumeFromSeq: number): number {
    this.#viewers.get(viewerId)?.cut(RelayCloseCode.replacedOrFenced, null, 'replaced');
    this.#viewers.set(viewerId, peer);
    this.#sidesChanged();
    peer.outlet = this.#outlet(this.#output, peer, this.#output.offsetOf(resumeFromSeq), () =>
      this.#settleOutput(),
    );
    return this.#input.nextOf(viewerId);
  }

  /** Begins to deliver; after the peer was told that it is accepted. */
  start(peer: RelayPeer): void {
    this.#settleInput();
    peer.outlet?.pump();
    if (this.#goodbye !== null && peer !== this.#producer) this.#finishOutlet(peer, this.#goodbye);
  }

  leave(peer: RelayPeer, closeCode: number): void {
    if (peer === this.#producer) this.#producer = null;
    const id = peer.ticket.viewer?.viewerId;
    if (id !== undefined && this.#viewers.get(id) === peer) this.#viewers.delete(id);
    this.#sidesChanged();
    this.#settleOutput();
    this.#settleInput();
    const heardAll = closeCode === NORMAL && peer.outlet?.isDrained === true;
    const over = this.#goodbye !== null && (heardAll || this.#floor >= this.#output.end);
    const nothingKept = this.#output.bytes === 0 && this.#input.ring.bytes === 0;
    if (this.#producer === null && this.#viewers.size === 0 && (over || nothingKept || this.#userLeft)) {
      this.#empty();
    }
  }

  /** @param message As it came, tag and all. */
  hear(peer: RelayPeer, parsed: RelayMessage, message: Uint8Array): void {
    if (parsed.kind === 'ack') peer.outlet?.acked(Number(parsed.value.nextSeq));
    else if (peer === this.#producer) this.#hearProducer(peer, parsed, message);
    else if (peer.ticket.viewer !== null) this.#hearViewer(peer, peer.ticket.viewer, parsed, message);
  }

  /** Called about every second. */
  tick(): void {
    this.#settleOutput();
    const halfOpenMs = this.#parts.now() - this.#halfOpenSinceMs;
    const isWhole = this.#producer !== null && this.#viewers.size > 0;
    if (!isWhole && halfOpenMs > this.#parts.limits.halfOpenMs) {
      this.cutAll(
        RelayCloseCode.openTimeout,
        StreamCloseReason.TRANSPORT_ERROR,
        'nobody came to the other side',
      );
    }
  }

  cutAll(closeCode: number, reason: StreamCloseReason | null, message: string): void {
    for (const peer of [...this.#viewers.values(), ...(this.#producer === null ? [] : [this.#producer])]) {
      peer.cut(closeCode, reason, message);
    }
    this.#viewers.clear();
    this.#producer = null;
    this.#empty();
  }

  #hearProducer(peer: RelayPeer, parsed: RelayMessage, message: Uint8Array): void {
    if (parsed.kind === 'close') {
      this.#goodbye = parsed.value;
      for (const viewer of this.#viewers.values()) this.#finishOutlet(viewer, parsed.value);
      peer.close(NORMAL);
    } else if (parsed.kind === 'frame') {
      const seq = Number(parsed.value.seq);
      const newestOnly = this.#kind === StreamKind.DESKTOP;
      if (!newestOnly && seq < (this.#output.nextSeq ?? 0)) {
        this.#parts.counters.countDrop('duplicate');
        return;
      }
      if (newestOnly) this.#output.clear();
      this.#output.push(seq, message);
      for (const viewer of this.#viewers.values()) viewer.outlet?.pump();
      this.#settleOutput();
    }
  }

  #hearViewer(
    peer: RelayPeer,
    { viewerId, mode }: { readonly viewerId: string; readonly mode: 'view' | 'control' },
    parsed: RelayMessage,
    message: Uint8Array,
  ): void {
    const { counters } = this.#parts;
    if (parsed.kind === 'close') this.#viewerSaysGoodbye(peer, viewerId, mode);
    else if (parsed.kind !== 'frame' && parsed.kind !== 'input') return;
    else if (mode !== 'control') counters.countDrop('view_mode');
    else if (parsed.kind === 'input') this.#forwardInput(message);
    else if (!this.#input.push(peer, viewerId, parsed.value)) counters.countDrop('duplicate');
    else {
      this.#producer?.outlet?.pump();
      this.#settleInput();
    }
  }

  #forwardInput(message: Uint8Array): void {
    const producer = this.#producer;
    if (this.#kind !== StreamKind.DESKTOP) this.#parts.counters.countDrop('not_a_desktop');
    else if (producer === null) this.#parts.counters.countDrop('no_producer');
    else if (producer.socket.bufferedAmount > MAX_INPUT_BACKLOG_BYTES) {
      this.#parts.counters.countDrop('slow_producer');
    } else producer.send(message);
  }

  /** A connection to a port ends with its one user; a terminal or a desktop goes on without viewers. */
  #viewerSaysGoodbye(peer: RelayPeer, viewerId: string, mode: 'view' | 'control'): void {
    this.#viewers.delete(viewerId);
    peer.close(NORMAL);
    const isLast = this.#viewers.size === 0 && mode === 'control';
    this.#userLeft ||= isLast && peer.ticket.kind === StreamKind.PORT;
    if (this.#userLeft && this.#producer !== null)
      this.#finishOutlet(this.#producer, goodbye(this.#parts.channelId));
    this.leave(peer, NORMAL);
  }

  /** What every viewer took may go, and the producer may send as much more. */
  #settleOutput(): void {
    const { limits, budget } = this.#parts;
    this.#floor = Math.max(this.#floor, this.#slowest(), this.#output.start);
    const over = () => this.#output.bytes > limits.ringBytes || (budget.isFull && this.#output.bytes > 0);
    while (
      over() &&
      (this.#output.at(this.#output.start)?.end ?? Number.POSITIVE_INFINITY) <= this.#keptFrom()
    ) {
      this.#output.dropOldest();
    }
    const producer = this.#producer;
    if (producer === null) return;
    const untaken = this.#output.end - this.#floor;
    const full = untaken >= limits.ringBytes || (budget.isFull && untaken >= limits.windowBytes / ACK_PART);
    producer.hold('room', full && this.#kind !== StreamKind.DESKTOP);
    if (full && budget.isFull) budget.whenFree(this.#onFree);
    // Of a desktop every frame was taken as soon as it is here: the next one may come.
    const isDesktop = this.#kind === StreamKind.DESKTOP;
    const taken = isDesktop ? this.#output.end : this.#floor;
    const news = taken - this.#ackedToProducer;
    const worthTelling = news >= limits.windowBytes / ACK_PART || untaken === 0 || isDesktop;
    if (news > 0 && worthTelling) {
      this.#ackedToProducer = taken;
      producer.ack(this.#output.at(taken)?.seq ?? this.#output.nextSeq ?? 0);
    }
  }

  /** How far the slowest viewer is that counts; without any, as far as ever. */
  #slowest(): number {
    const viewers = [...this.#viewers.values()].flatMap(({ outlet }) => outlet ?? []);
    if (viewers.length === 0) return this.#floor;
    const moving = viewers.filter((outlet) => outlet.stalledMs() <= this.#parts.limits.stallMs);
    // The only one, or all alike, are waited for: nobody else is slowed by them.
    return Math.min(...(moving.length > 0 ? moving : viewers).map(({ taken }) => taken));
  }

  /** What is before this is only history: no viewer that counts is still on its way through it. */
  #keptFrom(): number {
    return this.#viewers.size === 0 ? this.#floor : this.#slowest();
  }

  /** What the producer took may go, and viewers may send as much more. */
  #settleInput(): void {
    this.#input.dropTaken(this.#producer?.outlet?.taken ?? 0);
    const full = this.#input.ring.bytes >= this.#parts.limits.inputBytes;
    for (const viewer of this.#viewers.values()) viewer.hold('room', full);
  }

  #outlet(ring: FrameRing, peer: RelayPeer, from: number, onTaken: () => void): Outlet {
    return new Outlet(ring, peer.socket, {
      from,
      windowBytes: peer.windowBytes,
      newestOnly: ring === this.#output && this.#isNewestOnly(peer),
      nowMs: this.#parts.now,
      onTaken,
      onSent: (bytes) => peer.countSent(bytes),
    });
  }

  #isNewestOnly(peer: RelayPeer): boolean {
    return (this.#producer === null ? peer.ticket.kind : this.#kind) === StreamKind.DESKTOP;
  }

  #finishOutlet(peer: RelayPeer, close: StreamClose): void {
    peer.outlet?.finish(encodeClose(close), NORMAL);
  }

  #sidesChanged(): void {
    this.#halfOpenSinceMs = this.#parts.now();
  }

  #empty(): void {
    this.#output.clear();
    this.#input.ring.clear();
    this.#parts.onEmpty();
  }
}

const goodbye = (channelId: string): StreamClose =>
  create(StreamCloseSchema, {
    channelId,
    reason: StreamCloseReason.NORMAL,
    message: 'closed by the other side',
  });
