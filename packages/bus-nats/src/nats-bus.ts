/** Wake-ups over NATS. The link is looked for until the bus is closed; nothing here ever waits for it. */
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bus, TopicCallbacks } from '@boxyard/sandbox-core';
import { connect, credsAuthenticator, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { v7 as uuidv7 } from 'uuid';
import { serverOf } from './nats-url.ts';
import { subjectOf } from './subject.ts';

export interface NatsBusOptions {
  /** `nats://host:4222`, several between commas; a user with password, or a token, may stand before the host. */
  readonly url: string;
  /** The text of a `.creds` file, for servers that want one. */
  readonly credentials?: string | undefined;
  /** Told for each link that was lost or could not be had. Wake-ups are late meanwhile, and nothing else. */
  readonly onTrouble?: (error: unknown) => void;
}

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;
const CONNECT_WITHIN_MS = 5_000;
/** A link that is silently gone is noticed after two of these. */
const PING_EVERY_MS = 10_000;
const PINGS_UNANSWERED = 2;

export class NatsBus implements Bus {
  readonly #options: NatsBusOptions;
  readonly #callbacks = new TopicCallbacks();
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #closed = new AbortController();
  readonly #running: Promise<void>;
  #connection: NatsConnection | null = null;
  #connected = Promise.withResolvers<NatsConnection>();

  /** Connects in the background. @throws SandboxError `configuration` when the URL cannot be used. */
  constructor(options: NatsBusOptions) {
    this.#options = options;
    const server = serverOf(options.url);
    this.#running = this.#stayConnected(server);
  }

  publish(topic: string): void {
    if (this.#closed.signal.aborted) return;
    // Whoever is in this process is woken also while the server is away.
    queueMicrotask(() => this.#callbacks.wake(topic));
    try {
      this.#connection?.publish(subjectOf(topic));
    } catch (error) {
      this.#options.onTrouble?.(error);
    }
  }

  subscribe(topic: string, callback: () => void): () => void {
    if (this.#closed.signal.aborted) return () => {};
    const stop = this.#callbacks.add(topic, callback, () => {
      this.#subscriptions.get(topic)?.unsubscribe();
      this.#subscriptions.delete(topic);
    });
    this.#subscribeThere(topic);
    return stop;
  }

  async listening(signal: AbortSignal): Promise<void> {
    const ending = AbortSignal.any([signal, this.#closed.signal]);
    if (ending.aborted) return;
    const ended = Promise.withResolvers<null>();
    ending.addEventListener('abort', () => ended.resolve(null), { once: true });
    const connection = await Promise.race([this.#connected.promise, ended.promise]);
    // The server has every subscription that was sent before it answers.
    if (connection !== null) await Promise.race([connection.flush().catch(() => {}), ended.promise]);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#callbacks.clear();
    await this.#connection?.close().catch(() => {});
    await this.#running;
  }

  /** One connection after the other; the client itself comes back after short cuts. */
  async #stayConnected(server: ReturnType<typeof serverOf>): Promise<void> {
    const { signal } = this.#closed;
    const { credentials, onTrouble } = this.#options;
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      try {
        const connection = await connect({
          ...server,
          name: `boxyard ${hostname()} ${process.pid}`,
          // Nobody else on the server can listen to answers that might come for us.
          inboxPrefix: `_INBOX_${uuidv7().replaceAll('-', '')}`,
          noEcho: true,
          reconnect: true,
          maxReconnectAttempts: -1,
          reconnectTimeWait: FIRST_RETRY_MS,
          reconnectJitter: FIRST_RETRY_MS,
          timeout: CONNECT_WITHIN_MS,
          pingInterval: PING_EVERY_MS,
          maxPingOut: PINGS_UNANSWERED,
          ...(credentials === undefined
            ? {}
            : { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) }),
        });
        retryMs = FIRST_RETRY_MS;
        await this.#use(connection);
      } catch (error) {
        if (!signal.aborted) onTrouble?.(error);
      }
      await delay(retryMs, undefined, { signal, ref: false }).catch(() => {});
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    }
  }

  /** Until the client gives this connection up. */
  async #use(connection: NatsConnection): Promise<void> {
    if (this.#closed.signal.aborted) return connection.close();
    this.#connection = connection;
    for (const topic of this.#callbacks.topics) this.#subscribeThere(topic);
    this.#connected.resolve(connection);
    this.#callbacks.wakeAll();
    const watching = this.#watch(connection);
    const reason = await connection.closed();
    await watching;
    this.#connection = null;
    this.#connected = Promise.withResolvers();
    this.#subscriptions.clear();
    if (reason) throw reason;
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      // The client has subscribed again by then; what was published meanwhile is lost.
      if (status.type === 'reconnect') this.#callbacks.wakeAll();
      if (status.type === 'disconnect') this.#options.onTrouble?.(new Error('The link to NATS was lost.'));
    }
  }

  #subscribeThere(topic: string): void {
    if (this.#connection === null || this.#subscriptions.has(topic)) return;
    try {
      const callback = () => this.#callbacks.wake(topic);
      this.#subscriptions.set(topic, this.#connection.subscribe(subjectOf(topic), { callback }));
    } catch (error) {
      // Closed in this moment: the next connection subscribes all topics.
      this.#options.onTrouble?.(error);
    }
  }
}
