/** Servers in the states that failures come from, and a way to ask them that hides nothing of the answer. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { createLogger } from '../../src/server/logger.ts';
import { type RunningServer, startServer } from '../../src/server/start-server.ts';

export interface Asked {
  readonly body?: unknown;
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string | null;
  /** Of the default server when absent. */
  readonly at?: RunningServer;
}

const TOKEN = 'token-of-the-failure-yard';

export class FailureYard implements AsyncDisposable {
  readonly dataDir: string;
  /** Ordinary. */
  readonly server: RunningServer;
  /** On the same database, with another data folder and another secret key. */
  readonly stranger: RunningServer;
  /** On the same database; it waits for no box. */
  readonly impatient: RunningServer;
  readonly #folders: readonly string[];
  readonly #store: TestStore;
  #session: Promise<string> | null = null;

  private constructor(store: TestStore, servers: readonly RunningServer[], folders: readonly string[]) {
    this.#store = store;
    this.#folders = folders;
    [this.server, this.stranger, this.impatient] = servers as [RunningServer, RunningServer, RunningServer];
    this.dataDir = folders[0]!;
  }

  static async open(): Promise<FailureYard> {
    const store = await openTestStore();
    const { path, user, password, database } = store.connection;
    const parts = new URLSearchParams({ host: dirname(path), user, password });
    const folders: string[] = [];
    const servers: RunningServer[] = [];
    const more = [
      {},
      { BOXYARD_SECRET_KEY: 'another-secret-key-of-32-characters' },
      { BOXYARD_REQUEST_WAIT_MS: '1' },
    ];
    for (const env of more) {
      const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-failures-'));
      folders.push(dataDir);
      servers.push(
        await startServer({
          env: {
            BOXYARD_SECRET_KEY: 'the-secret-key-of-these-32-characters',
            ...env,
            BOXYARD_TOKEN: TOKEN,
            BOXYARD_DATA_DIR: dataDir,
            BOXYARD_PORT: '0',
            BOXYARD_DATABASE_URL: `postgres:///${database}?${parts}`,
          },
          version: '0.0.0-test',
          log: () => createLogger('silent'),
        }),
      );
    }
    return new FailureYard(store, servers, folders);
  }

  async ask(method: string, path: string, asked: Asked = {}): Promise<Response> {
    const { body, raw, headers = {}, token = TOKEN, at = this.server } = asked;
    return fetch(new URL(path, at.url), {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? (raw === undefined ? {} : { body: raw }) : { body: JSON.stringify(body) }),
    });
  }

  async made<Answer>(method: string, path: string, asked: Asked = {}): Promise<Answer> {
    const response = await this.ask(method, path, asked);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as Answer;
  }

  /** The path of a session whose box is up, the same for every fault that leaves it as it was. */
  session(): Promise<string> {
    this.#session ??= this.ownSession();
    return this.#session;
  }

  /** The path of a new session whose box is up. */
  async ownSession(body: object = {}): Promise<string> {
    const { id } = await this.made<{ id: string }>('POST', '/v1/workspaces/default/sessions', {
      body: { start: true, ...body },
    });
    return `/v1/workspaces/default/sessions/${id}`;
  }

  /** The slug of a new workspace whose boxes may be up so long in a month. */
  async workspaceWithBudget(seconds: number): Promise<string> {
    const slug = `budget-${seconds}`;
    const { id } = await this.made<{ id: string }>('POST', '/v1/workspaces', { body: { slug } });
    await this.#store.usage.setBudget(id, seconds);
    return slug;
  }

  /** As a command stands whose box has no record of it any more; crash.test.ts shows how it comes to that. */
  async loseCommand(opId: string): Promise<void> {
    const { sql } = this.#store;
    const lost = sql.json({
      exitCode: null,
      signal: null,
      timedOut: false,
      endedAt: new Date().toISOString(),
      wallTimeMs: 1,
      lostReason: 'Its box has no record of it any more.',
    });
    await sql`UPDATE ops SET state = 'lost', result = ${lost} WHERE id = ${opId}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { items } = await this.made<{ items: { id: string }[] }>(
      'GET',
      '/v1/workspaces/default/sessions?limit=200',
    );
    for (const { id } of items) await this.ask('DELETE', `/v1/workspaces/default/sessions/${id}`);
    for (const server of [this.impatient, this.stranger, this.server]) await server.stop();
    await this.#store.close();
    for (const folder of this.#folders)
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  }
}
