// The frames of one direction of a channel, oldest first. Readers stand at offsets, which only grow: an offset is how
// many bytes were ever put in before.
import { frameCost } from '@boxyard/agent-proto/relay';
import type { MemoryBudget } from './memory-budget.ts';
import type { RelayPeer } from './relay-peer.ts';

export interface FrameOrigin {
  readonly peer: RelayPeer;
  readonly seq: number;
}

export interface RingFrame {
  readonly seq: number;
  /** As it goes out, tag and all. */
  readonly message: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Who put it in, and the number that it had there; null where there is only one who does. */
  readonly origin: FrameOrigin | null;
}

/** Below this a message is copied, so that it does not keep the whole chunk alive that it came in. */
const COPY_BELOW_BYTES = 16 * 1024;
/** Removing from the front is made in such steps. */
const COMPACT_AT = 1024;

export class FrameRing {
  readonly #budget: MemoryBudget;
  #frames: RingFrame[] = [];
  #head = 0;
  #end = 0;
  #nextSeq: number | null = null;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  /** Offset of the oldest frame. */
  get start(): number {
    return this.#frames[this.#head]?.start ?? this.#end;
  }

  get end(): number {
    return this.#end;
  }

  get bytes(): number {
    return this.#end - this.start;
  }

  /** The number after the newest frame; null when there never was one. */
  get nextSeq(): number | null {
    return this.#nextSeq;
  }

  push(seq: number, message: Uint8Array, origin: FrameOrigin | null = null): void {
    const cost = frameCost(message.length);
    const start = this.#end;
    this.#end += cost;
    this.#budget.take(cost);
    const kept = message.length < COPY_BELOW_BYTES ? Uint8Array.from(message) : message;
    this.#frames.push({ seq, message: kept, start, end: this.#end, origin });
    this.#nextSeq = seq + 1;
  }

  /** The first frame at or behind the offset. */
  at(offset: number): RingFrame | undefined {
    return this.#frames[this.#find((frame) => frame.start >= offset)];
  }

  /** Where the first frame stands whose number is at least this; the end when there is none. */
  offsetOf(seq: number): number {
    return this.#frames[this.#find((frame) => frame.seq >= seq)]?.start ?? this.#end;
  }

  /** Removes the oldest frame and returns it; undefined when there is none. */
  dropOldest(): RingFrame | undefined {
    const frame = this.#frames[this.#head];
    if (frame === undefined) return undefined;
    this.#head += 1;
    if (this.#head >= COMPACT_AT || this.#head === this.#frames.length) {
      this.#frames = this.#frames.slice(this.#head);
      this.#head = 0;
    }
    this.#budget.give(frame.end - frame.start);
    return frame;
  }

  /** Takes everything out. */
  drain(): readonly RingFrame[] {
    const frames = this.#frames.slice(this.#head);
    this.#budget.give(this.bytes);
    this.#frames = [];
    this.#head = 0;
    return frames;
  }

  clear(): void {
    while (this.dropOldest() !== undefined);
  }

  /** Index of the first frame that fits, by halving; frames that fit come behind those that do not. */
  #find(fits: (frame: RingFrame) => boolean): number {
    let low = this.#head;
    let high = this.#frames.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (fits(this.#frames[middle]!)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
