// One reader of a ring: sends what there is to a socket, as far as that takes it, and knows what was taken.
import type { WebSocket } from 'ws';
import type { FrameRing, RingFrame } from './frame-ring.ts';

export interface OutletOptions {
  /** Where to begin in the ring. */
  readonly from: number;
  /** What may be under way; acks say what was taken. 0 for somebody without acks: then flushed counts as taken. */
  readonly windowBytes: number;
  /** Only the newest frame is worth sending, one at a time. */
  readonly newestOnly: boolean;
  readonly nowMs: () => number;
  /** Something was taken. */
  readonly onTaken: () => void;
  readonly onSent: (bytes: number) => void;
}

/** What may lie in the socket of somebody without acks. */
const UNACKED_WINDOW_BYTES = 512 * 1024;

export class Outlet {
  readonly #ring: FrameRing;
  readonly #socket: WebSocket;
  readonly #options: OutletOptions;
  #sent: number;
  #taken: number;
  #takenAtMs: number;
  /** Sent and not taken, oldest first. By itself and not by the ring, which may have dropped some of it meanwhile. */
  #underWay: RingFrame[] = [];
  #underWayBytes = 0;
  /** The last words, once everything was sent. */
  #goodbye: { readonly message: Uint8Array; readonly code: number } | null = null;

  constructor(ring: FrameRing, socket: WebSocket, options: OutletOptions) {
    this.#ring = ring;
    this.#socket = socket;
    this.#options = options;
    this.#sent = options.from;
    this.#taken = options.from;
    this.#takenAtMs = options.nowMs();
  }

  /** Everything before this offset was taken. */
  get taken(): number {
    return Math.max(this.#taken, this.#ring.start);
  }

  /** Whether there is nothing left to send. */
  get isDrained(): boolean {
    return this.#sent >= this.#ring.end;
  }

  /** For how long nothing was taken although something was there. */
  stalledMs(): number {
    return this.taken < this.#ring.end ? this.#options.nowMs() - this.#takenAtMs : 0;
  }

  pump(): void {
    while (this.#hasRoom()) {
      const frame = this.#ring.at(this.#sent);
      if (frame === undefined) break;
      // Was nothing due until now, the wait for this reader only begins.
      if (this.#underWay.length === 0) this.#takenAtMs = this.#options.nowMs();
      this.#sent = frame.end;
      this.#underWay.push(frame);
      this.#underWayBytes += frame.end - frame.start;
      this.#options.onSent(frame.message.length);
      this.#socket.send(frame.message, (error) => {
        if (!error && this.#options.windowBytes === 0) this.#take(frame.seq + 1);
      });
    }
    if (this.#goodbye === null || !this.isDrained) return;
    const { message, code } = this.#goodbye;
    this.#goodbye = null;
    this.#socket.send(message);
    this.#socket.close(code);
  }

  /** Somebody with acks took everything below. */
  acked(nextSeq: number): void {
    if (this.#options.windowBytes > 0) this.#take(nextSeq);
  }

  /** Says this and closes once everything is sent. */
  finish(message: Uint8Array, code: number): void {
    this.#goodbye = { message, code };
    this.pump();
  }

  #take(nextSeq: number): void {
    const kept = this.#underWay.findIndex(({ seq }) => seq >= nextSeq);
    const taken = this.#underWay.splice(0, kept === -1 ? this.#underWay.length : kept);
    const last = taken.at(-1);
    if (last === undefined) return;
    for (const { start, end } of taken) this.#underWayBytes -= end - start;
    this.#taken = last.end;
    this.#takenAtMs = this.#options.nowMs();
    this.#options.onTaken();
    this.pump();
  }

  #hasRoom(): boolean {
    if (this.#socket.readyState !== this.#socket.OPEN) return false;
    if (this.#options.newestOnly) return this.#underWay.length === 0;
    return this.#underWayBytes < (this.#options.windowBytes || UNACKED_WINDOW_BYTES);
  }
}
