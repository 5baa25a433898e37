/**
 * The one place that opens connections: a pool for statements, and what every statement has in common.
 *
 * Everything that belongs together is one statement; there are no transactions of several. With the driver as it
 * is, a connection that is lost between BEGIN and COMMIT ends the whole process, or lets the rest of the
 * transaction run inside another one.
 */
import { bounded, type CallOptions } from '@boxyard/sandbox-core';
import postgres from 'postgres';
import { databaseError, lostConnection } from './database-error.ts';
import type { PostgresConnection } from './embedded/embedded-postgres.ts';

/** All tables are in a schema of our own, so that a database may be shared with others. */
export const SCHEMA = 'boxyard';

/** A URL, or the parts of one: a unix socket has no good URL. */
export type DatabaseAddress = { readonly url: string } | { readonly connection: PostgresConnection };

export type Sql = postgres.Sql<{ int8: number }>;
type Types = { int8: postgres.PostgresType<number> };

/** Text of a statement that was sent. Parameters are never handed out. */
export type StatementListener = (statement: string) => void;

export interface DatabaseOptions {
  readonly address: DatabaseAddress;
  /** Default 10. */
  readonly maxConnections?: number;
}

// A statement waits for row locks at most; none of ours computes for long.
const STATEMENT_TIMEOUT_MS = 30_000;

const CONNECT_TIMEOUT_S = 10;

const DEFAULT_MAX_CONNECTIONS = 10;

const CLOSE_TIMEOUT_S = 5;

// What runs on a pool that lost a connection has this long to get its answer.
const RETIRE_TIMEOUT_S = 2;

/** How busy the connections of this process are. */
export interface DatabaseActivity {
  /** Sent or waiting for a connection; what is beyond `maxConnections` waits. */
  readonly statementsRunning: number;
  readonly maxConnections: number;
  /** Statements that were refused or not answered since the start. */
  readonly failures: number;
}

export class Database {
  readonly #options: DatabaseOptions;
  readonly #listeners = new Set<StatementListener>();
  readonly #retiring = new Set<Promise<void>>();
  #sql: Sql;
  #closed = false;
  #running = 0;
  #failures = 0;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#sql = this.#newPool();
  }

  /** Asked for anew by every statement: the pool behind it is replaced when it lost a connection. */
  get sql(): Sql {
    return this.#sql;
  }

  /** Sends one statement; the deadline and the signal end the wait, not the statement. */
  async run<Rows>(what: string, statement: PromiseLike<Rows>, options?: CallOptions): Promise<Rows> {
    // The statement was made from this one a moment ago.
    const pool = this.#sql;
    return bounded(options, what, async () => {
      this.#running += 1;
      try {
        return await statement;
      } catch (error) {
        this.#failures += 1;
        if (lostConnection(error)) this.#replace(pool);
        throw databaseError(error);
      } finally {
        this.#running -= 1;
      }
    });
  }

  get activity(): DatabaseActivity {
    return {
      statementsRunning: this.#running,
      maxConnections: this.#maxConnections,
      failures: this.#failures,
    };
  }

  get #maxConnections(): number {
    return this.#options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
  }

  /** Calls back for every statement that is sent, until the answered function is called. */
  onStatement(listener: StatementListener): () => void {
    this.#listeners.add(listener);
    this.#observe(this.#sql);
    return () => {
      this.#listeners.delete(listener);
      this.#observe(this.#sql);
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#sql.end({ timeout: CLOSE_TIMEOUT_S });
    await Promise.all(this.#retiring);
  }

  /**
   * The driver's pool does not always get over a lost connection: it may go on to wait for one that it never
   * opens again. What still runs on the old pool gets its answer, or an error when it is ended.
   */
  #replace(pool: Sql): void {
    if (pool !== this.#sql || this.#closed) return;
    this.#sql = this.#newPool();
    const retiring = pool.end({ timeout: RETIRE_TIMEOUT_S }).finally(() => this.#retiring.delete(retiring));
    this.#retiring.add(retiring);
  }

  #newPool(): Sql {
    const pool = connectTo(this.#options.address, { max: this.#maxConnections });
    this.#observe(pool);
    return pool;
  }

  /** Only while somebody listens: with its debug option the driver shows parameters in errors. */
  #observe(pool: Sql): void {
    const debug = (_connection: number, statement: string) => {
      for (const listener of this.#listeners) listener(statement);
    };
    Object.assign(pool.options, { debug: this.#listeners.size > 0 ? debug : false });
  }
}

/**
 * A value for a column of type `json`. Not `jsonb`: that one refuses the NUL that a command's output may hold.
 * A string without this would be taken for JSON text by nobody and be encoded twice.
 */
export function asJson(sql: Sql, value: unknown): postgres.Parameter<unknown> {
  return sql.typed(value, JSON_OID);
}

const JSON_OID = 114;

/** Opens nothing yet: the first statement does. */
export function connectTo(
  address: DatabaseAddress,
  overrides: {
    readonly max: number;
    readonly onclose?: () => void;
    readonly onnotify?: (channel: string, payload: string) => void;
  },
): Sql {
  const options = {
    ...overrides,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: CONNECT_TIMEOUT_S,
    // Our statements name their types where it matters; asking the catalogue costs a round trip per connection.
    fetch_types: false,
    onnotice: () => {},
    connection: {
      // Tells operators whose it is: of a process that died none may stay.
      application_name: `boxyard ${process.pid}`,
      search_path: SCHEMA,
      statement_timeout: STATEMENT_TIMEOUT_MS,
    },
    // Counters and milliseconds: all below 2^53.
    types: {
      int8: {
        to: 20,
        from: [20],
        parse: (text: string) => Number(text),
        serialize: (value: number) => String(value),
      },
    },
  };
  if (!('url' in address)) return postgres<Types>({ ...options, ...address.connection });
  const socket = socketOf(address.url);
  return socket === null ? postgres<Types>(address.url, options) : postgres<Types>({ ...options, ...socket });
}

/**
 * The parts of libpq's address of a unix socket, `postgres:///database?host=/run/postgresql&user=yard`; null for
 * any other. The driver would send that `host` to the server as a setting, and connect to localhost.
 */
function socketOf(text: string): Partial<PostgresConnection> | null {
  const { hostname, pathname, searchParams: given } = new URL(text);
  const folder = given.get('host');
  if (hostname !== '' || folder === null || !folder.startsWith('/')) return null;
  const [user, password, database] = [given.get('user'), given.get('password'), pathname.slice(1)];
  return {
    path: `${folder}/.s.PGSQL.${given.get('port') ?? 5432}`,
    ...(user === null ? {} : { user }),
    ...(password === null ? {} : { password }),
    ...(database === '' ? {} : { database: decodeURIComponent(database) }),
  };
}
