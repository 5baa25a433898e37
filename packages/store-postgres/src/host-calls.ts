import {
  bounded,
  type CallOptions,
  type HostCalls,
  type JoinedHost,
  SandboxError,
  type SandboxErrorCode,
} from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { asJson, type Database } from './connect.ts';
import { type Notifications, topics } from './notifications.ts';

type Answer =
  | { readonly value: unknown }
  | {
      readonly error: Pick<SandboxError, 'message' | 'stage' | 'retryable' | 'started'> & {
        readonly code: SandboxErrorCode;
      };
    };

/** A notification may be lost with its connection; both sides look by themselves this often while they wait. */
const LOOK_EVERY_MS = 1_000;

/**
 * Calls as rows, because a notification takes 8000 bytes and a row takes everything: the notification only says
 * where to look. A call costs three or four statements without a write to disk of its own.
 */
export class PostgresHostCalls implements HostCalls {
  readonly #database: Database;
  readonly #notifications: Notifications;

  constructor(database: Database, notifications: Notifications) {
    this.#database = database;
    this.#notifications = notifications;
  }

  join(hostId: string, answer: (request: unknown) => Promise<unknown>): JoinedHost {
    return new PostgresJoinedHost(this.#database, this.#notifications, hostId, answer);
  }
}

class PostgresJoinedHost implements JoinedHost {
  readonly #database: Database;
  readonly #hostId: string;
  readonly #answer: (request: unknown) => Promise<unknown>;
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  readonly #unsubscribe: readonly (() => void)[];
  readonly #takes = new Gathering(() => this.#take());
  readonly #fetches = new Gathering(() => this.#fetch());
  readonly #looking: NodeJS.Timeout;

  constructor(
    database: Database,
    notifications: Notifications,
    hostId: string,
    answer: (request: unknown) => Promise<unknown>,
  ) {
    this.#database = database;
    this.#hostId = hostId;
    this.#answer = answer;
    this.#unsubscribe = [
      notifications.subscribe(topics.hostCalls(hostId), () => this.#takes.wake()),
      notifications.subscribe(topics.hostAnswers(hostId), () => this.#fetches.wake()),
    ];
    this.#looking = setInterval(() => {
      if (this.#waiting.size > 0) this.#fetches.wake();
    }, LOOK_EVERY_MS).unref();
  }

  async call(
    hostId: string,
    request: unknown,
    options: CallOptions & { readonly deadlineMs: number },
  ): Promise<unknown> {
    const { sql } = this.#database;
    const id = uuidv7();
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    const placed = this.#database.run(
      'Calling another server',
      sql`
        WITH placed AS (
          INSERT INTO host_calls (id, from_host, to_host, placed_at_ms, request)
          VALUES (${id}, ${this.#hostId}, ${hostId}, store_now_ms(), ${asJson(sql, request)})
          RETURNING to_host
        )
        SELECT pg_notify('boxyard', 'host-calls/' || to_host) FROM placed
      `,
    );
    try {
      const answer = await bounded(options, 'Calling another server', () => placed.then(() => answered));
      if ('value' in answer) return answer.value;
      const { code, message, stage, retryable, started } = answer.error;
      throw new SandboxError(code, message, { stage, retryable, started });
    } catch (error) {
      const late = SandboxError.hasCode(error, 'timeout');
      if (!late && !SandboxError.hasCode(error, 'cancelled')) throw error;
      // What is only being placed cannot be taken back yet.
      await placed.catch(() => undefined);
      const taken = await this.#takeBack(id);
      if (!late) throw error;
      throw taken
        ? new SandboxError(
            'outcome-unknown',
            'The server that was called took the call and did not answer. Look at what it may have done.',
            { started: 'unknown', cause: error },
          )
        : new SandboxError(
            'unreachable',
            'The server that was called does not answer. Try again in a moment.',
            { started: 'no', cause: error },
          );
    } finally {
      this.#waiting.delete(id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looking);
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await Promise.all([this.#takes.close(), this.#fetches.close()]);
  }

  /** True also where that cannot be known. */
  async #takeBack(id: string): Promise<boolean> {
    const { sql } = this.#database;
    try {
      const [row] = await this.#database.run(
        'Giving up a call',
        sql<{ taken: boolean }[]>`DELETE FROM host_calls WHERE id = ${id} RETURNING taken`,
      );
      return row?.taken ?? true;
    } catch {
      return true;
    }
  }

  async #take(): Promise<void> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Taking calls of other servers',
      sql<{ id: string; place: number; request: unknown }[]>`
        UPDATE host_calls SET taken = true WHERE to_host = ${this.#hostId} AND NOT taken
        RETURNING id, place, request
      `,
    );
    for (const { id, request } of rows.toSorted((a, b) => a.place - b.place)) void this.#reply(id, request);
  }

  async #reply(id: string, request: unknown): Promise<void> {
    const answer = await this.#answerTo(request);
    const { sql } = this.#database;
    try {
      await this.#database.run(
        'Answering another server',
        sql`
          WITH answered AS (
            UPDATE host_calls SET answer = ${asJson(sql, answer)} WHERE id = ${id} RETURNING from_host
          )
          SELECT pg_notify('boxyard', 'host-answers/' || from_host) FROM answered
        `,
      );
    } catch {
      // Its caller finds out by its deadline.
    }
  }

  async #answerTo(request: unknown): Promise<Answer> {
    try {
      return { value: (await this.#answer(request)) ?? null };
    } catch (error) {
      if (SandboxError.isInstance(error)) {
        const { code, message, stage, retryable, started } = error;
        return { error: { code, message, stage, retryable, started } };
      }
      const message = 'The server that was called failed. Look at its log.';
      return {
        error: { code: 'outcome-unknown', message, stage: '', retryable: false, started: 'unknown' },
      };
    }
  }

  async #fetch(): Promise<void> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Fetching answers of other servers',
      sql<{ id: string; answer: Answer }[]>`
        DELETE FROM host_calls WHERE from_host = ${this.#hostId} AND answer IS NOT NULL RETURNING id, answer
      `,
    );
    for (const { id, answer } of rows) this.#waiting.get(id)?.(answer);
  }
}

/** One run at a time; whatever wakes it meanwhile is served by one further run. */
class Gathering {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | null = null;
  #again = false;
  #closed = false;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  wake(): void {
    this.#again = true;
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        await this.#work();
      } catch {
        // The database does not answer: the next wake-up, at the latest the one at its return, tries again.
      }
    }
    // At once, and not when the promise is heard of: a wake-up in between would be lost.
    this.#running = null;
  }
}
