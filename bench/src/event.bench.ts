// The log of a session: how fast it is written, and how fast many readers hear of one event.

import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientRequest, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { type BenchServer, post, residentBytes, send, startServer, stopServer } from './bench-server.ts';
import { inTurns, type Measurement, median, mib, ms, times } from './measurement.ts';

const SESSIONS = '/v1/workspaces/default/sessions';
const READERS = 1_000;
const EVENTS = 7;
const WRITES = 50;
const WRITERS = 16;

export async function measureEvents(): Promise<Measurement[]> {
  return [...(await measureWrites()), ...(await measureReaders())];
}

/** Each append is durable and numbered without gaps, beside the plainest durable row. */
async function measureWrites(): Promise<Measurement[]> {
  await using store = await openTestStore();
  await store.sql`CREATE TABLE plain_events (id bigserial PRIMARY KEY, session text, data jsonb)`;
  const sessions: string[] = [];
  for (let index = 0; index < WRITERS; index++) sessions.push(await newLog(store, index));
  const data = { text: 'some words that a model said' };
  const append = (sessionId: string | undefined) =>
    store.events.append({ sessionId: sessionId ?? '' }, [{ type: 'model.text.delta', data }], {
      leaseEpoch: 1,
      mutates: false,
    });
  const insert = () =>
    store.sql`INSERT INTO plain_events (session, data) VALUES ('s', ${store.sql.json(data)})`;
  const repeat = async (work: () => PromiseLike<unknown>) => {
    for (let index = 0; index < WRITES; index++) await work();
  };
  const took = await inTurns(
    {
      one: () => repeat(() => append(sessions[0])),
      oneRaw: () => repeat(insert),
      many: () => Promise.all(sessions.map((id) => repeat(() => append(id)))),
      manyRaw: () => Promise.all(sessions.map(() => repeat(insert))),
    },
    1,
  );
  const perSecond = (tookMs: number, writers: number) => (WRITES * writers * 1000) / tookMs;
  const row = (what: string, ours: number, raw: number): Measurement => ({
    what,
    ours: `${ours.toFixed(0)}/s`,
    beside: `${raw.toFixed(0)}/s plain rows`,
    ratio: times(ours, raw),
    goal: '–',
  });
  return [
    row('events of one session, one after the other', perSecond(took.one, 1), perSecond(took.oneRaw, 1)),
    row(
      `events of ${WRITERS} sessions at once`,
      perSecond(took.many, WRITERS),
      perSecond(took.manyRaw, WRITERS),
    ),
  ];
}

async function newLog(store: TestStore, index: number): Promise<string> {
  const [id, groupId] = [`session-${index}`, `group-${index}`];
  const createdAt = new Date();
  await store.sessions.create(
    { id, workspaceId: 'bench', groupId, name: null, metadata: {}, createdAt },
    {
      id: groupId,
      workspaceId: 'bench',
      backend: 'local',
      machineId: null,
      image: null,
      environmentNames: [],
      sealedEnvironment: null,
      resources: {},
      source: null,
      sealedSourceToken: null,
      sourceClonedAt: null,
      idleTimeoutMs: null,
      maxLifetimeMs: null,
      restored: null,
      createdAt,
    },
  );
  return id;
}

/** One session with very many who read along: from a write to the last one who heard of it. */
async function measureReaders(): Promise<Measurement[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-bench-events-'));
  const server = await startServer(dataDir);
  const requests: ClientRequest[] = [];
  try {
    const { id } = await post<{ id: string }>(server, SESSIONS, { start: true });
    const heard = new Heard();
    requests.push(await openReader(server, id, heard));
    const alone = await measureDelivery(server, id, heard, 1);
    const before = await residentBytes(server);
    for (let opened = 1; opened < READERS; opened++) requests.push(await openReader(server, id, heard));
    const all = await measureDelivery(server, id, heard, READERS);
    const grown = (await residentBytes(server)) - before;
    for (const each of requests) each.destroy();
    await send(server, 'DELETE', `${SESSIONS}/${id}`);
    return [
      {
        what: `one event to ${READERS} readers of a session`,
        ours: `${ms(all)}, memory +${mib(grown)}`,
        beside: `${ms(alone)} to one`,
        ratio: times(all, alone),
        goal: '–',
      },
    ];
  } finally {
    for (const each of requests) each.destroy();
    await stopServer(server);
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** How often each file name was told, over all readers. */
class Heard {
  readonly #times = new Map<string, number>();
  #waiting: { readonly path: string; readonly readers: number; readonly resolve: () => void } | null = null;

  tell(path: string): void {
    this.#times.set(path, (this.#times.get(path) ?? 0) + 1);
    this.#check();
  }

  by(readers: number, path: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = { path, readers, resolve };
      this.#check();
    });
  }

  #check(): void {
    const { path, readers, resolve } = this.#waiting ?? {};
    if (path !== undefined && (this.#times.get(path) ?? 0) >= (readers ?? 0)) resolve?.();
  }
}

async function measureDelivery(
  server: BenchServer,
  id: string,
  heard: Heard,
  readers: number,
): Promise<number> {
  const samples: number[] = [];
  for (let round = 0; round <= EVENTS; round++) {
    const path = `f-${readers}-${round}-end`;
    const begunAt = performance.now();
    await Promise.all([
      heard.by(readers, path),
      post(server, `${SESSIONS}/${id}/fs/write`, { path, content: 'x' }),
    ]);
    // The first one warms caches.
    if (round > 0) samples.push(performance.now() - begunAt);
  }
  return median(samples);
}

/** As little as a reader can be: a thousand of them are in this process, and they are not what is measured. */
function openReader(server: BenchServer, id: string, heard: Heard): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const reader = request(new URL(`${SESSIONS}/${id}/events`, server.url), {
      agent: false,
      headers: { authorization: `Bearer ${server.token}`, accept: 'text/event-stream' },
    });
    reader.on('error', reject);
    reader.on('response', (response) => {
      let rest = '';
      response.setEncoding('utf8');
      response.on('error', () => undefined);
      response.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const path = /"path":"(f-[^"]+-end)"/.exec(line)?.[1];
          if (path !== undefined) heard.tell(path);
        }
        resolve(reader);
      });
    });
    reader.end();
  });
}
