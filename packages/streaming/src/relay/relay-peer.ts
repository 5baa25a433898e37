// One accepted socket: who it is, how it is made to wait, and how it is cut.

import { StreamAckSchema, type StreamCloseReason, StreamCloseSchema } from '@boxyard/agent-proto/messages';
import { encodeAck, encodeClose } from '@boxyard/agent-proto/relay';
import { create } from '@bufbuild/protobuf';
import type { WebSocket } from 'ws';
import type { Outlet } from './outlet.ts';
import type { RelayCounters } from './relay-counters.ts';
import type { RelayLimits } from './relay-limits.ts';
import type { RelayTicket } from './relay-ticket.ts';
import { TokenBucket } from './token-bucket.ts';

/** A peer that does not answer our close in time is cut all the same. */
const CLOSE_GRACE_MS = 2000;

/** Why a socket is not read: it is being opened, it is too fast, there is no room for what it says. */
type HoldReason = 'opening' | 'rate' | 'room';

export class RelayPeer {
  readonly socket: WebSocket;
  /** What it heeds: 0 for somebody without acks. */
  readonly windowBytes: number;
  #ticket: RelayTicket;
  readonly #counters: RelayCounters;
  readonly #bucket: TokenBucket;
  readonly #now: () => number;
  readonly #holds = new Set<HoldReason>(['opening']);
  #rateTimer: NodeJS.Timeout | undefined;
  #heard = true;
  /** Set by the channel as soon as it is paired. */
  outlet: Outlet | null = null;

  constructor(
    socket: WebSocket,
    ticket: RelayTicket,
    windowBytes: number,
    { limits, counters, now }: { limits: RelayLimits; counters: RelayCounters; now: () => number },
  ) {
    this.socket = socket;
    this.windowBytes = Math.min(windowBytes, limits.ringBytes);
    this.#ticket = ticket;
    this.#counters = counters;
    this.#now = now;
    this.#bucket = new TokenBucket(limits.burstBytes, limits.bytesPerSecond, now());
    socket.on('pong', () => this.hear());
    socket.once('close', () => clearTimeout(this.#rateTimer));
  }

  get ticket(): RelayTicket {
    return this.#ticket;
  }

  /** A fresh token for the same stream and the same viewer. */
  renew(ticket: RelayTicket): void {
    this.#ticket = ticket;
  }

  /** Counts what came in; a side that is too fast is not read for a while. Returns how long. */
  charge(bytes: number): number {
    this.#counters.inBytes += bytes;
    this.#counters.inMessages += 1;
    const waitMs = this.#bucket.take(bytes, this.#now());
    if (waitMs === 0) return 0;
    this.#counters.throttled += 1;
    this.hold('rate', true);
    clearTimeout(this.#rateTimer);
    this.#rateTimer = setTimeout(() => this.hold('rate', false), waitMs);
    return waitMs;
  }

  /** While anything holds it, the socket is not read, and TCP makes the other end wait. */
  hold(reason: HoldReason, held: boolean): void {
    if (held) this.#holds.add(reason);
    else this.#holds.delete(reason);
    if (this.socket.readyState !== this.socket.OPEN) return;
    if (this.#holds.size > 0) this.socket.pause();
    else if (this.socket.isPaused) {
      // It could not answer a ping while it was not read.
      this.#heard = true;
      this.socket.resume();
    }
  }

  hear(): void {
    this.#heard = true;
  }

  /** False for a socket that has not said a word since the last time, which is then ended. */
  checkAlive(): boolean {
    if (this.socket.readyState !== this.socket.OPEN || this.socket.isPaused) return true;
    if (!this.#heard) {
      this.socket.terminate();
      return false;
    }
    this.#heard = false;
    this.socket.ping();
    return true;
  }

  send(message: Uint8Array): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    this.countSent(message.length);
    this.socket.send(message);
  }

  /** Everything below was taken. Only to somebody who named a window. */
  ack(nextSeq: number): void {
    if (this.windowBytes === 0) return;
    const { channelId } = this.ticket;
    this.send(encodeAck(create(StreamAckSchema, { channelId, nextSeq: BigInt(nextSeq) })));
  }

  countSent(bytes: number): void {
    this.#counters.outBytes += bytes;
    this.#counters.outMessages += 1;
  }

  /** @param reason Null where the stream has not ended: its holder may come back, or the close code says it all. */
  cut(closeCode: number, reason: StreamCloseReason | null, message: string): void {
    this.#counters.countCut(closeCode);
    const { channelId } = this.ticket;
    if (reason !== null) this.send(encodeClose(create(StreamCloseSchema, { channelId, reason, message })));
    this.close(closeCode, message);
  }

  close(code: number, message = ''): void {
    this.#holds.clear();
    this.socket.resume();
    this.socket.close(code, message);
    endSoon(this.socket);
  }
}

/** Ends a socket whose other end does not answer a close. */
export function endSoon(socket: WebSocket): void {
  const timer = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS);
  socket.once('close', () => clearTimeout(timer));
}
