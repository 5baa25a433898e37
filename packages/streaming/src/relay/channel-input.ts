// What viewers say, on its way to the producer: one sequence, whoever of them said it.
import { type StreamFrame, StreamFrameSchema } from '@boxyard/agent-proto/messages';
import { decodeRelayMessage, encodeFrame } from '@boxyard/agent-proto/relay';
import { create } from '@bufbuild/protobuf';
import { FrameRing } from './frame-ring.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { RelayPeer } from './relay-peer.ts';

/** Viewers that come back are known by what they said last; so many at most. */
const MAX_KNOWN_VIEWERS = 256;

export class ChannelInput {
  readonly ring: FrameRing;
  readonly #channelId: string;
  /** The next frame that is wanted of each viewer that numbers its frames across connections. */
  readonly #nextOfViewer = new Map<string, number>();
  #nextSeq = 0;
  #hadProducer = false;

  constructor(channelId: string, budget: MemoryBudget) {
    this.#channelId = channelId;
    this.ring = new FrameRing(budget);
  }

  nextOf(viewerId: string): number {
    return this.#nextOfViewer.get(viewerId) ?? 0;
  }

  /** @returns Where a producer begins to read that wants this frame next. */
  offsetFor(resumeFromSeq: number): number {
    if (!this.#hadProducer) this.#renumber(resumeFromSeq);
    this.#hadProducer = true;
    return this.ring.offsetOf(resumeFromSeq);
  }

  /** False for a frame that came already, before its viewer's link was cut. */
  push(viewer: RelayPeer, viewerId: string, { seq: given, data, producedAtMs }: StreamFrame): boolean {
    const seq = Number(given);
    if (viewer.windowBytes > 0) {
      if (seq < this.nextOf(viewerId)) return false;
      this.#remember(viewerId, seq + 1);
    }
    const { ring } = this;
    const frame = { channelId: this.#channelId, seq: BigInt(this.#nextSeq), data, producedAtMs };
    ring.push(this.#nextSeq, encodeFrame(create(StreamFrameSchema, frame)), { peer: viewer, seq });
    this.#nextSeq += 1;
    return true;
  }

  /** What the producer took may go, and who said it is told. */
  dropTaken(taken: number): void {
    const acks = new Map<RelayPeer, number>();
    while ((this.ring.at(this.ring.start)?.end ?? Number.POSITIVE_INFINITY) <= taken) {
      const origin = this.ring.dropOldest()?.origin;
      if (origin) acks.set(origin.peer, origin.seq + 1);
    }
    for (const [viewer, nextSeq] of acks) viewer.ack(nextSeq);
  }

  /** What viewers said before there was a producer gets the numbers that it waits for: it may know another relay's. */
  #renumber(firstSeq: number): void {
    this.#nextSeq = firstSeq;
    for (const { message, origin } of this.ring.drain()) {
      const parsed = decodeRelayMessage(message);
      if (parsed?.kind !== 'frame') continue;
      const frame = create(StreamFrameSchema, { ...parsed.value, seq: BigInt(this.#nextSeq) });
      this.ring.push(this.#nextSeq, encodeFrame(frame), origin);
      this.#nextSeq += 1;
    }
  }

  #remember(viewerId: string, nextSeq: number): void {
    this.#nextOfViewer.delete(viewerId);
    this.#nextOfViewer.set(viewerId, nextSeq);
    for (const oldest of this.#nextOfViewer.keys()) {
      if (this.#nextOfViewer.size <= MAX_KNOWN_VIEWERS) break;
      this.#nextOfViewer.delete(oldest);
    }
  }
}
