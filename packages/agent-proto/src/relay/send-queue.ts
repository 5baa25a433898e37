// What one side of a stream has said and the other may not have yet. A frame is forgotten once it was taken, so a
// link that is cut loses nothing.
import { frameCost } from './frame-cost.ts';

export interface QueuedFrame {
  readonly seq: number;
  /** As it goes out: made once, also for somebody who has to get it twice. */
  readonly message: Uint8Array;
  /** See `frameCost`. */
  readonly cost: number;
}

/** What a relay without acks may still ask for again after a cut. */
const KEPT_WITHOUT_ACKS_BYTES = 1024 * 1024;

export class SendQueue {
  readonly #newestOnly: boolean;
  #frames: QueuedFrame[] = [];
  #next = 0;
  #based = false;
  /** How many of `#frames` were taken and are kept only in case. */
  #taken = 0;
  /** How many of `#frames` went out on the present link. */
  #sent = 0;
  #keptBytes = 0;
  #pendingBytes = 0;
  #underWayBytes = 0;

  /** @param newestOnly Whether a frame that did not go out yet gives way to a newer one. */
  constructor(newestOnly: boolean) {
    this.#newestOnly = newestOnly;
  }

  /** Said and not known to be taken. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Gone out on this link and not known to be taken. */
  get underWayBytes(): number {
    return this.#underWayBytes;
  }

  /** @param encode Makes the message with this number. */
  push(dataBytes: number, encode: (seq: number) => Uint8Array): void {
    if (this.#newestOnly) {
      const stale = this.#frames.splice(this.#sent);
      for (const frame of stale) this.#pendingBytes -= frame.cost;
      this.#next -= stale.length;
    }
    const cost = frameCost(dataBytes);
    this.#frames.push({ seq: this.#next, message: encode(this.#next), cost });
    this.#next += 1;
    this.#pendingBytes += cost;
  }

  /**
   * A link is up whose other end wants this frame next; before the first one nothing is pushed. What it has is forgotten,
   * the rest goes out again.
   */
  resumeAt(wanted: number): void {
    if (!this.#based) this.#next = wanted;
    this.#based = true;
    this.#underWayBytes = 0;
    this.#sent = 0;
    // What was taken before and is wanted again is given again, as far as it was kept.
    while (this.#taken > 0 && this.#frames[this.#taken - 1]!.seq >= wanted) {
      this.#taken -= 1;
      const cost = this.#frames[this.#taken]!.cost;
      this.#keptBytes -= cost;
      this.#pendingBytes += cost;
    }
    this.#sent = this.#taken;
    if (this.#newestOnly) this.#forgetAllButNewest();
    this.taken(wanted);
  }

  /** The next frame to go out, if there is one; it then counts as gone out. */
  takeNext(): QueuedFrame | undefined {
    const frame = this.#frames[this.#sent];
    if (frame === undefined) return undefined;
    this.#sent += 1;
    this.#underWayBytes += frame.cost;
    return frame;
  }

  /** Everything below was taken. Without acks some of it is kept, because a cut may have lost it all the same. */
  taken(nextSeq: number, keepBytes = 0): void {
    while (this.#taken < this.#frames.length && this.#frames[this.#taken]!.seq < nextSeq) {
      const cost = this.#frames[this.#taken]!.cost;
      this.#pendingBytes -= cost;
      if (this.#taken < this.#sent) this.#underWayBytes -= cost;
      this.#keptBytes += cost;
      this.#taken += 1;
    }
    this.#sent = Math.max(this.#sent, this.#taken);
    let forgotten = 0;
    while (forgotten < this.#taken && this.#keptBytes > keepBytes) {
      this.#keptBytes -= this.#frames[forgotten]!.cost;
      forgotten += 1;
    }
    if (forgotten === 0) return;
    this.#frames.splice(0, forgotten);
    this.#taken -= forgotten;
    this.#sent -= forgotten;
  }

  /** As `taken`, for a relay that does not ack: the frame left this process. */
  flushed(seq: number): void {
    this.taken(seq + 1, this.#newestOnly ? 0 : KEPT_WITHOUT_ACKS_BYTES);
  }

  #forgetAllButNewest(): void {
    const newest = this.#frames.at(-1);
    if (newest !== undefined) this.taken(newest.seq);
  }
}
