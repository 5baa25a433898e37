import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { ControlUserOptions } from './control-user.ts';

const RETRY_MS = 1_000;
const CONNECT_MS = 10_000;

export interface ControlConnectionOptions {
  readonly servers: string | readonly string[];
  readonly user: ControlUserOptions;
  /** How it stays connected; of the NATS client. */
  readonly link?: Readonly<Record<string, unknown>>;
  /** Called for each connection, once it stands; what it answers is closed when that connection is. */
  readonly onConnected: (connection: NatsConnection) => Promise<AsyncDisposable>;
  readonly onTrouble: (error: unknown) => void;
}

/**
 * The control plane at NATS, for as long as it runs. The client comes back by itself after a cut; here it is begun
 * again when even the client gave up, and a NATS that is away at the start holds nobody up.
 */
export class ControlConnection implements AsyncDisposable {
  readonly #options: ControlConnectionOptions;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  readonly #first = Promise.withResolvers<void>();
  #current: NatsConnection | null = null;

  constructor(options: ControlConnectionOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Null while there is none. */
  get current(): NatsConnection | null {
    return this.#current;
  }

  /** Resolves once the first one stands, or this is closed. */
  get connected(): Promise<void> {
    return this.#first.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#current?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#connectOnce();
      } catch (error) {
        this.#options.onTrouble(error);
      }
      if (!signal.aborted) await pause(RETRY_MS, signal);
    }
    this.#first.resolve();
  }

  /** Until it is closed. */
  async #connectOnce(): Promise<void> {
    const { servers, user, link, onConnected, onTrouble } = this.#options;
    const connection = await connect({
      ...link,
      ...user,
      servers: typeof servers === 'string' ? servers : [...servers],
      timeout: CONNECT_MS,
    });
    if (this.#closing.signal.aborted) return connection.close();
    const opened = await onConnected(connection);
    this.#current = connection;
    this.#first.resolve();
    try {
      const reason = await connection.closed();
      if (reason instanceof Error) onTrouble(reason);
    } finally {
      this.#current = null;
      await opened[Symbol.asyncDispose]();
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
