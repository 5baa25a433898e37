// The agent on NATS: two connections, replaced before their JWT runs out while work goes on.
import { setTimeout as sleep } from 'node:timers/promises';
import { reconnectDelayMs } from '@boxyard/agent-proto/relay';
import type { MachineCredentials } from '@boxyard/contracts';
import type { AgentConnections, NatsAgentTransport } from '@boxyard/selfhosted/server';
import type { KeyPair } from '@nats-io/nkeys';
import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node';

export interface BusConnectionOptions {
  readonly key: KeyPair;
  readonly transport: NatsAgentTransport;
  readonly renew: (signal: AbortSignal) => Promise<MachineCredentials>;
  /** A connection stands: said hello, counted anew. */
  readonly onConnected: (server: string) => void;
  readonly onLost: (why: string) => void;
  readonly log: (text: string) => void;
}

/** How long before its end a JWT is replaced; half its life when that is shorter. */
const ROTATE_BEFORE_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** A connection whose JWT has run out is cut by the server at any moment. */
const LEAVE_BEFORE_MS = 500;
/** The farewell is worth a moment and no more. */
const CLOSE_MS = 500;

interface Standing extends AgentConnections {
  readonly letGo: () => Promise<void>;
  readonly expiresAtMs: number;
  readonly gone: Promise<unknown>;
}

export class BusConnection {
  readonly #options: BusConnectionOptions;
  readonly #open = new Set<NatsConnection>();

  constructor(options: BusConnectionOptions) {
    this.#options = options;
  }

  /**
   * Stays connected until the signal aborts.
   *
   * @throws PlainError when the machine was revoked.
   */
  async run(signal: AbortSignal): Promise<void> {
    let standing: Standing | null = null;
    for (let attempt = 0; !signal.aborted; ) {
      const askedAtMs = Date.now();
      const credentials = await this.#options.renew(signal);
      const next = await this.#stand(credentials).catch((error: Error) => {
        this.#options.log(`NATS: ${error.message}`);
        return null;
      });
      if (next === null) {
        await sleep(reconnectDelayMs(attempt++), undefined, { signal });
        continue;
      }
      attempt = 0;
      if (standing !== null) void this.#leave(standing);
      standing = next;
      this.#options.onConnected(next.requests.getServer());
      const lifeMs = next.expiresAtMs - askedAtMs;
      const rotateInMs = next.expiresAtMs - Math.min(ROTATE_BEFORE_MS, lifeMs / 2) - Date.now();
      const rotation = new AbortController();
      const due = sleep(Math.max(rotateInMs, 0), 'due', {
        signal: AbortSignal.any([signal, rotation.signal]),
      });
      const what = await Promise.race([due.catch(() => 'stop'), next.gone.then(() => 'gone')]);
      rotation.abort();
      if (what === 'gone') {
        void this.#drop(standing);
        standing = null;
        this.#options.onLost('the connection ended');
      }
    }
  }

  /** What was said last goes out. */
  async close(): Promise<void> {
    await Promise.all(
      [...this.#open].map((connection) =>
        Promise.race([connection.drain().catch(() => undefined), sleep(CLOSE_MS)]),
      ),
    );
    await Promise.all([...this.#open].map((connection) => connection.close().catch(() => undefined)));
  }

  async #stand(credentials: MachineCredentials): Promise<Standing> {
    const requests = await this.#connect(credentials);
    let output: NatsConnection | null = null;
    try {
      output = await this.#connect(credentials);
      const letGo = await this.#options.transport.use({ requests, output });
      void this.#watch(requests);
      return {
        requests,
        output,
        letGo,
        expiresAtMs: Date.parse(credentials.natsJwtExpiresAt),
        // One without the other is half an agent: both are made anew.
        gone: Promise.race([requests.closed(), output.closed()]),
      };
    } catch (error) {
      await Promise.all([requests.close(), output?.close()]);
      throw error;
    }
  }

  async #connect({ natsUrls, natsJwt, subjectPrefix }: MachineCredentials): Promise<NatsConnection> {
    const connection = await connect({
      servers: [...natsUrls],
      authenticator: jwtAuthenticator(natsJwt, this.#options.key.getSeed()),
      name: subjectPrefix,
      timeout: CONNECT_TIMEOUT_MS,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: () => reconnectDelayMs(0),
      pingInterval: 20_000,
      maxPingOut: 3,
      // Without it a server that says that it has no TLS would be believed.
      ...(natsUrls.some((url) => url.startsWith('tls:')) ? { tls: {} } : {}),
    });
    this.#open.add(connection);
    void connection.closed().then(() => this.#open.delete(connection));
    return connection;
  }

  /** After a cut that the connection mended by itself, the server is told anew who is here. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') this.#options.onLost('the connection was cut');
      if (status.type === 'reconnect') this.#options.onConnected(connection.getServer());
    }
  }

  /** Hears nothing new; what was heard is still answered, as long as the server lets it. */
  async #leave(old: Standing): Promise<void> {
    await old.letGo();
    const leftMs = Math.max(old.expiresAtMs - Date.now() - LEAVE_BEFORE_MS, 0);
    await Promise.race([sleep(leftMs, undefined, { ref: false }), old.gone]);
    await this.#drop(old);
  }

  async #drop({ requests, output, letGo }: Standing): Promise<void> {
    await Promise.all([requests, output].map((one) => one.close().catch(() => undefined)));
    await letGo();
  }
}
