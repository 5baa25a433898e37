// One websocket to the relay, from dialling to its close. It knows messages, not what they mean for a stream.
import { WebSocket } from 'ws';
import { decodeRelayMessage, type RelayMessage } from './relay-message.ts';

export interface RelaySocketEvents {
  readonly opened: () => void;
  readonly message: (message: RelayMessage) => void;
  /** Exactly once, also when it never opened. */
  readonly closed: (code: number, reason: string) => void;
}

export interface RelaySocketOptions {
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly maxMessageBytes: number;
}

/** As websockets tell bytes that make no sense. */
const PROTOCOL_ERROR = 1002;

export class RelaySocket {
  readonly #socket: WebSocket;
  readonly #keepAlive: NodeJS.Timeout;
  #heard = true;
  #closed = false;

  constructor(url: URL, events: RelaySocketEvents, options: RelaySocketOptions) {
    this.#socket = new WebSocket(url, {
      perMessageDeflate: false,
      handshakeTimeout: options.connectTimeoutMs,
      maxPayload: options.maxMessageBytes,
      followRedirects: false,
    });
    const hear = () => {
      this.#heard = true;
    };
    // Somebody who answers neither data nor a ping for two rounds is gone, whatever TCP believes.
    this.#keepAlive = setInterval(() => {
      if (this.#socket.readyState !== WebSocket.OPEN || this.#socket.isPaused) return;
      if (!this.#heard) this.#socket.terminate();
      this.#heard = false;
      this.#socket.ping();
    }, options.pingIntervalMs);
    this.#socket.on('open', () => events.opened());
    this.#socket.on('pong', hear);
    this.#socket.on('message', (data, isBinary) => {
      hear();
      const message = isBinary && data instanceof Buffer ? decodeRelayMessage(data) : null;
      if (message === null) this.#socket.close(PROTOCOL_ERROR, 'no message of the relay');
      else if (message.kind !== 'unknown') events.message(message);
    });
    // The close that follows says it all to the stream.
    this.#socket.on('error', () => {});
    this.#socket.on('close', (code, reason) => {
      if (this.#closed) return;
      this.#closed = true;
      clearInterval(this.#keepAlive);
      events.closed(code, reason.toString('utf8'));
    });
  }

  /** Bytes that the network has not taken. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(message: Uint8Array, flushed?: () => void): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(message, (error) => {
      if (!error) flushed?.();
    });
  }

  /** While paused the relay is made to wait. */
  setPaused(paused: boolean): void {
    if (this.#socket.readyState !== WebSocket.OPEN || this.#socket.isPaused === paused) return;
    if (paused) this.#socket.pause();
    else {
      this.#heard = true;
      this.#socket.resume();
    }
  }

  /** Says goodbye; `closed` comes once the relay has read everything that was sent. */
  close(): void {
    this.setPaused(false);
    this.#socket.close(1000);
  }

  /** Ends at once. */
  terminate(): void {
    this.#socket.terminate();
  }
}
