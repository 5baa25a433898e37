// Keeps one stream connected: dials, shows the token, comes back after a cut with full jitter, renews the token.
import { create } from '@bufbuild/protobuf';
import { StreamChannelSchema, type StreamOpenAck, StreamOpenSchema, type StreamRole } from '../messages.ts';
import { reconnectDelayMs } from './reconnect-delay.ts';
import { relayAddress } from './relay-address.ts';
import type { RelayChannel } from './relay-channel.ts';
import { failure, failureOfClose, failureOfRefusal, isFinal, type RelayFailure } from './relay-end.ts';
import { encodeOpen, type RelayMessage } from './relay-message.ts';
import { RelaySocket } from './relay-socket.ts';
import { tokenExpiryMs } from './token-expiry.ts';

export interface RelayLinkSettings {
  readonly url: string;
  readonly token: () => string | Promise<string>;
  readonly channel: RelayChannel;
  readonly role: StreamRole;
  readonly windowBytes: number;
  readonly connectTimeoutMs: number;
  readonly reconnectForMs: number;
  readonly pingIntervalMs: number;
  readonly maxMessageBytes: number;
  readonly delayMs: ((attempt: number) => number) | undefined;
}

export interface RelayLinkEvents {
  /** The next frame wanted of the other side; asked for every connection. */
  readonly nextSeq: () => number;
  /** Accepted; frames may flow until the next `accepted` or the end. */
  readonly accepted: (ack: StreamOpenAck) => void;
  readonly message: (message: RelayMessage) => void;
  /** The relay has read everything up to our goodbye. */
  readonly closed: () => void;
  /** For good; nothing is tried any more. */
  readonly failed: (failure: RelayFailure) => void;
}

/** A token that the relay refuses so often in a row will not do. */
const MAX_REFUSED_TOKENS = 3;
const NORMAL = 1000;
/** The longest delay of a timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class RelayLink {
  readonly #settings: RelayLinkSettings;
  readonly #events: RelayLinkEvents;
  #socket: RelaySocket | null = null;
  #accepted = false;
  #closing = false;
  #stopped = false;
  #attempt = 0;
  #refusedTokens = 0;
  #lostAtMs = Date.now();
  #nextAttempt: NodeJS.Timeout | undefined;
  #answerTimer: NodeJS.Timeout | undefined;
  #renewal: NodeJS.Timeout | undefined;

  constructor(settings: RelayLinkSettings, events: RelayLinkEvents) {
    this.#settings = settings;
    this.#events = events;
  }

  /** Whether frames may flow now. */
  get isOpen(): boolean {
    return this.#accepted && !this.#closing;
  }

  get bufferedBytes(): number {
    return this.#socket?.bufferedBytes ?? 0;
  }

  /** @param flushed Not called when the link was cut first. */
  send(message: Uint8Array, flushed?: () => void): void {
    const socket = this.#socket;
    if (!this.#accepted || socket === null) return;
    socket.send(message, flushed === undefined ? undefined : () => this.#socket === socket && flushed());
  }

  setPaused(paused: boolean): void {
    this.#socket?.setPaused(paused);
  }

  /** The last message; `closed` or `failed` follows, and after a cut `accepted`, to say it again. */
  sayGoodbye(message: Uint8Array): void {
    this.send(message);
    this.#closing = true;
    this.#socket?.close();
  }

  /** Lets go at once; no event comes any more. */
  stop(how: 'close' | 'terminate'): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearTimeout(this.#nextAttempt);
    clearTimeout(this.#answerTimer);
    clearTimeout(this.#renewal);
    if (how === 'close') this.#socket?.close();
    else this.#socket?.terminate();
    this.#socket = null;
  }

  async connect(): Promise<void> {
    const token = await this.#askForToken();
    if (this.#stopped || token === null) return;
    const socket = new RelaySocket(
      relayAddress(this.#settings.url, this.#settings.channel),
      {
        opened: () => socket.send(this.#openMessage(token)),
        message: (message) => this.#hear(socket, message, token),
        closed: (code, reason) => this.#lost(socket, failureOfClose(code, reason), code),
      },
      this.#settings,
    );
    this.#socket = socket;
    // The websocket's own limit ends with its handshake; the relay's answer has to come, too.
    this.#answerTimer = setTimeout(() => {
      if (!this.#accepted) socket.terminate();
    }, 2 * this.#settings.connectTimeoutMs);
  }

  async #askForToken(): Promise<string | null> {
    try {
      return await this.#settings.token();
    } catch (cause) {
      this.#retry(
        failure('unauthenticated', 'No token for the relay could be had. Look at the cause.', cause),
      );
      return null;
    }
  }

  #openMessage(token: string): Uint8Array {
    const { channel, role, windowBytes } = this.#settings;
    return encodeOpen(
      create(StreamOpenSchema, {
        channel: create(StreamChannelSchema, { ...channel }),
        token,
        role,
        resumeFromSeq: BigInt(this.#events.nextSeq()),
        windowBytes: BigInt(windowBytes),
      }),
    );
  }

  #hear(socket: RelaySocket, message: RelayMessage, token: string): void {
    if (this.#socket !== socket) return;
    if (message.kind !== 'openAck') {
      if (this.#accepted) this.#events.message(message);
      return;
    }
    const refusal = message.value.accepted ? null : failureOfRefusal(message.value);
    if (refusal !== null) {
      this.#lost(socket, refusal, 0);
      socket.terminate();
    }
    // Of any other refusal the close code that follows says what to do about it.
    if (!message.value.accepted || this.#accepted) return;
    clearTimeout(this.#answerTimer);
    this.#accepted = true;
    this.#attempt = 0;
    this.#refusedTokens = 0;
    if (message.value.windowBytes > 0n) this.#renewBeforeExpiry(socket, token);
    this.#events.accepted(message.value);
  }

  /** A relay that acks also takes a fresh token on the same socket, so that a long stream is not cut for its age. */
  #renewBeforeExpiry(socket: RelaySocket, token: string): void {
    const expiresAt = tokenExpiryMs(token);
    if (expiresAt === null) return;
    const inMs = Math.min(Math.max((expiresAt - Date.now()) / 2, 500), MAX_TIMER_MS);
    this.#renewal = setTimeout(async () => {
      // A token that cannot be had now is asked for again; the present one still counts until it runs out.
      const fresh = await this.#freshToken(token);
      if (this.#socket !== socket || !this.isOpen) return;
      if (fresh !== token) socket.send(this.#openMessage(fresh));
      this.#renewBeforeExpiry(socket, fresh);
    }, inMs);
  }

  async #freshToken(present: string): Promise<string> {
    try {
      return await this.#settings.token();
    } catch {
      return present;
    }
  }

  #lost(socket: RelaySocket, why: RelayFailure, code: number): void {
    if (this.#socket !== socket) return;
    if (this.#accepted) this.#lostAtMs = Date.now();
    const inOrder = this.#closing && code === NORMAL;
    this.#socket = null;
    this.#accepted = false;
    this.#closing = false;
    clearTimeout(this.#answerTimer);
    clearTimeout(this.#renewal);
    if (inOrder) this.#events.closed();
    else this.#retry(why);
  }

  #retry(why: RelayFailure): void {
    if (this.#stopped) return;
    if (why.error.code === 'unauthenticated') this.#refusedTokens += 1;
    const patienceEnds = Date.now() - this.#lostAtMs > this.#settings.reconnectForMs;
    if (isFinal(why) || this.#refusedTokens >= MAX_REFUSED_TOKENS || patienceEnds) {
      this.#events.failed(why);
      return;
    }
    const delayMs = this.#settings.delayMs ?? reconnectDelayMs;
    this.#nextAttempt = setTimeout(() => void this.connect(), delayMs(this.#attempt));
    this.#attempt += 1;
  }
}
