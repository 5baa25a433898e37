/**
 * Wake-ups between processes on one database, over LISTEN/NOTIFY on a connection of its own. A notification
 * carries no data: it says where to look. Whoever listens is also woken after every (re)connect, because
 * PostgreSQL keeps nothing for a listener that was away.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Bus, TopicCallbacks } from '@boxyard/sandbox-core';
import { connectTo, type DatabaseAddress, type Sql } from './connect.ts';

/** The one channel; its payload is a topic. Statements that notify name it literally. */
const CHANNEL = 'boxyard';

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;

/** Topics, as the statements write them into the payload. */
export const topics = {
  keys: 'keys',
  events: (sessionId: string) => `events/${sessionId}`,
  lease: (groupId: string) => `lease/${groupId}`,
  /** Calls for a host. */
  hostCalls: (hostId: string) => `host-calls/${hostId}`,
  /** Answers for a host that called. */
  hostAnswers: (hostId: string) => `host-answers/${hostId}`,
  pointer: (sessionId: string) => `pointer/${sessionId}`,
  turns: 'turns',
  turn: (turnId: string) => `turn/${turnId}`,
};

export class Notifications implements Bus {
  readonly #address: DatabaseAddress;
  readonly #callbacks = new TopicCallbacks();
  readonly #closed = new AbortController();
  #sql: Sql | null = null;
  #listening = new Gate();
  #connecting = false;

  /** Connects when somebody subscribes. */
  constructor(address: DatabaseAddress) {
    this.#address = address;
  }

  /** Calls back for each notification of the topic, and whenever one may have been missed. */
  subscribe(topic: string, callback: () => void): () => void {
    if (this.#closed.signal.aborted) return () => {};
    const stop = this.#callbacks.add(topic, callback);
    void this.#connect();
    return stop;
  }

  /** For what no statement tells of by itself. */
  publish(topic: string): void {
    // Without a connection it is lost: whoever has one again is woken in any case.
    const sql = this.#sql;
    sql?.unsafe('SELECT pg_notify($1, $2)', [CHANNEL, topic]).catch(() => {});
  }

  /** Resolves once notifications arrive: what is committed from now on is noticed. */
  async listening(signal: AbortSignal): Promise<void> {
    void this.#connect();
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      void this.#listening.opened.then(resolve);
    });
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#callbacks.clear();
    await this.#sql?.end({ timeout: 1 });
  }

  async #connect(): Promise<void> {
    if (this.#connecting || this.#sql !== null) return;
    this.#connecting = true;
    const { signal } = this.#closed;
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      const sql = connectTo(this.#address, {
        max: 1,
        onnotify: (_channel, topic) => this.#callbacks.wake(topic),
        onclose: () => void this.#lost(sql),
      });
      try {
        this.#sql = sql;
        await sql.unsafe(`listen ${CHANNEL}`);
        this.#connecting = false;
        this.#listening.open();
        this.#callbacks.wakeAll();
        return;
      } catch {
        // Whoever needs the database meanwhile learns from its own statement what is wrong with it.
        await sql.end({ timeout: 0 }).catch(() => {});
        await delay(retryMs, undefined, { signal }).catch(() => {});
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
      }
    }
    this.#connecting = false;
  }

  async #lost(sql: Sql): Promise<void> {
    if (this.#closed.signal.aborted || this.#connecting || this.#sql !== sql) return;
    this.#sql = null;
    this.#listening = new Gate();
    await sql.end({ timeout: 0 }).catch(() => {});
    await this.#connect();
  }
}

class Gate {
  open: () => void = () => {};
  readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}
