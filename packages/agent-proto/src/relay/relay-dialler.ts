// Both ends of a stream dial out to the relay: the machine, which produces it, and whoever uses it from Node.
import { StreamRole } from '../messages.ts';
import type { RelayChannel } from './relay-channel.ts';
import { RelayStream, type RelayStreamSettings } from './relay-stream.ts';

export interface RelayDiallerOptions {
  /** Where the relay is: `wss://relay.example`, also with a path. */
  readonly url: string;
  /** Asked before every connection and when a token is about to run out. */
  readonly token: (channel: RelayChannel) => string | Promise<string>;
  /** How long one attempt to connect may take. 10 000 when absent. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long a stream tries to come back before it is given up. 120 000 when absent, as the relay waits. */
  readonly reconnectForMs?: number | undefined;
  /** A relay that is silent for two of these is left. 20 000 when absent. */
  readonly pingIntervalMs?: number | undefined;
  /** What may wait in this process for a slow other side, and for a slow reader here. 1 MiB when absent. */
  readonly windowBytes?: number | undefined;
  /** The longest message taken from the relay. 16 MiB when absent. */
  readonly maxMessageBytes?: number | undefined;
  /** Delay before the next attempt, in ms. Full jitter when absent. */
  readonly delayMs?: ((attempt: number) => number) | undefined;
}

export interface OpenStreamOptions {
  /** Ends the wait for the first connection; afterwards it has no effect. */
  readonly signal?: AbortSignal | undefined;
  /** How long the first connection may take, with every attempt. 30 000 when absent. */
  readonly deadlineMs?: number | undefined;
}

const MIB = 1024 * 1024;

/** Opens streams through one relay. Constructing one does no I/O. */
export class RelayDialler {
  readonly #options: RelayDiallerOptions;

  constructor(options: RelayDiallerOptions) {
    this.#options = options;
  }

  /**
   * The machine's end: what it writes goes to every viewer.
   *
   * @throws RelayError once it is refused, or when no relay was reached in time.
   */
  produce(channel: RelayChannel, options: OpenStreamOptions = {}): Promise<RelayStream> {
    return this.#open(channel, StreamRole.AGENT, 0, options);
  }

  /**
   * The other end.
   *
   * @param resumeFromSeq The next frame wanted of the producer; 0 for all that the relay still has.
   * @throws RelayError once it is refused, or when no relay was reached in time.
   */
  consume(
    channel: RelayChannel,
    options: OpenStreamOptions & { readonly resumeFromSeq?: number | undefined } = {},
  ): Promise<RelayStream> {
    return this.#open(channel, StreamRole.CLIENT, options.resumeFromSeq ?? 0, options);
  }

  async #open(
    channel: RelayChannel,
    role: StreamRole,
    resumeFromSeq: number,
    { signal, deadlineMs = 30_000 }: OpenStreamOptions,
  ): Promise<RelayStream> {
    const { url, token, connectTimeoutMs = 10_000, reconnectForMs = 120_000 } = this.#options;
    const settings: RelayStreamSettings = {
      url,
      token: () => token(channel),
      channel,
      role,
      resumeFromSeq,
      connectTimeoutMs,
      reconnectForMs,
      pingIntervalMs: this.#options.pingIntervalMs ?? 20_000,
      windowBytes: this.#options.windowBytes ?? MIB,
      maxMessageBytes: this.#options.maxMessageBytes ?? 16 * MIB,
      delayMs: this.#options.delayMs,
    };
    const stream = new RelayStream(settings);
    await stream.opened(signal, deadlineMs);
    return stream;
  }
}
