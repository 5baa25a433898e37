// Turns in processes that serve nothing: a server posts them, and workers are killed and asked to end meanwhile.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createLogger, startServer } from '@boxyard/boxyard';
import { type BoxyardSession, createClient } from '@boxyard/client';
import { type Script, startScriptedModel } from '@boxyard/scripted-model';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { eventually } from '@tooling/eventually';
import { expect, onTestFinished, test } from 'vitest';
import { startWorker } from '../src/start-worker.ts';
import { spawnWorker, startWorkerProcess } from './worker-process.ts';

interface Yard {
  readonly env: Readonly<Record<string, string>>;
  readonly store: TestStore;
  readonly session: BoxyardSession;
  /** What the tools answered to the model. */
  readonly told: readonly string[];
  post(text: string): Promise<string>;
  reaching(turnId: string, status: string): Promise<{ readonly attempt: number }>;
  /** A file in the session's box. */
  path(name: string): string;
}

const GO_ON = 'echo line >> lines; touch begun; while [ ! -e go ]; do sleep 0.05; done; echo over';

/** A server that runs no turns, and a session on it. */
async function openYard(settings: Readonly<Record<string, string>>): Promise<Yard> {
  const told: string[] = [];
  const script: Script = ({ step, toolAnswers }) => {
    told.push(...toolAnswers.map(({ text }) => text));
    if (step > 0) return [{ kind: 'text', text: 'Done.' }];
    return [{ kind: 'call', name: 'exec_command', arguments: { cmd: GO_ON, yield_time_ms: 60_000 } }];
  };
  const model = await startScriptedModel({ script });
  const store = await openTestStore();
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-worker-'));
  const env = {
    BOXYARD_DATA_DIR: dataDir,
    BOXYARD_DATABASE_URL: urlOf(store),
    BOXYARD_MODEL_BASE_URL: model.baseUrl,
    BOXYARD_MODEL: 'scripted',
    BOXYARD_WORKER_PORT: '0',
    ...settings,
  };
  const server = await startServer({
    env: { ...env, BOXYARD_PORT: '0', BOXYARD_TURN_CONCURRENCY: '0' },
    version: '0.0.0-test',
    log: () => createLogger('silent'),
  });
  const session = await createClient({ url: server.url, token: server.token }).sessions.create();
  onTestFinished(async () => {
    await session.delete();
    await server.stop();
    await model.close();
    await store.close();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  });
  const { sandboxGroupId } = await session.info();
  return {
    env,
    store,
    session,
    told,
    post: async (text) => (await session.api.turns.post({ text })).turnId,
    reaching: (turnId, status) =>
      eventually(`the turn with status ${status}`, async () => {
        const turn = await session.api.turns.get(turnId);
        return turn.status === status ? turn : null;
      }),
    path: (name) => join(dataDir, 'boxes', sandboxGroupId, 'workspace', name),
  };
}

/** By its socket: it has no port. */
function urlOf({ connection: { path, user, password, database } }: TestStore): string {
  const query = new URLSearchParams({ host: dirname(path), user, password, port: path.split('.').at(-1)! });
  return `postgres:///${database}?${query}`;
}

const exists = (file: string) =>
  readFile(file).then(
    () => true,
    () => false,
  );

test.each([
  ['is killed', 'SIGKILL', { BOXYARD_TURN_HEARTBEAT_MS: '500', BOXYARD_TURN_TTL_MS: '3000' }],
  // Nobody takes a turn over for want of a beat here: only who lets go of it explains that another one has it.
  ['is asked to end', 'SIGTERM', { BOXYARD_TURN_TTL_MS: '3600000' }],
] as const)(
  'a worker %s in the middle of a tool call: another one ends the turn, and the command ran once',
  async (_, signal, settings) => {
    const yard = await openYard(settings);
    const first = await startWorkerProcess(yard.env);
    const turnId = await yard.post('Go');
    await eventually('the command', () => exists(yard.path('begun')));
    first.child.kill(signal);
    expect(await first.ended()).toBe(signal === 'SIGTERM' ? 0 : null);

    const second = await startWorkerProcess(yard.env);
    await eventually(
      'the second attempt',
      async () => (await yard.session.api.turns.get(turnId)).attempt === 2,
    );
    await writeFile(yard.path('go'), '');
    const told = async (path: string) => (await fetch(new URL(path, second.url()))).text();
    expect(JSON.parse(await told('/healthz'))).toMatchObject({ status: 'ready' });
    expect(await told('/metrics')).toMatch(/^boxyard_build_info\{.*\} 1$/m);
    await yard.reaching(turnId, 'completed');
    expect(await readFile(yard.path('lines'), 'utf8')).toBe('line\n');
    expect(yard.told).toHaveLength(1);
    expect(yard.told[0]).toMatch(/Process (exited with code 0|running with session ID)/);
    const { items } = await yard.session.events.list();
    const ends = items.filter(({ type }) => /^turn\.(completed|failed|cancelled)$/.test(type));
    expect(ends.map(({ type }) => type)).toEqual(['turn.completed']);
    second.child.kill('SIGTERM');
    await second.ended();
    const { sandboxGroupId } = await yard.session.info();
    const lease = await yard.store.leases.read(sandboxGroupId);
    expect(lease?.holders.filter(({ kind }) => kind === 'turn')).toEqual([]);
  },
);

test('a worker that has not got what servers and workers share does not start, and says what to set', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-worker-'));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const refused = (env: Readonly<Record<string, string>>, message: RegExp) =>
    expect(
      startWorker({
        env: { BOXYARD_DATA_DIR: dataDir, ...env },
        version: '0.0.0-test',
        log: () => createLogger('silent'),
      }),
    ).rejects.toThrow(message);
  const url = { BOXYARD_DATABASE_URL: 'postgres://127.0.0.1:1/none' };
  await refused(url, /Set BOXYARD_SECRET_KEY/);
  await refused({ ...url, BOXYARD_SECRET_KEY: 'x'.repeat(40) }, /Set BOXYARD_MODEL_BASE_URL/);
  const worker = spawnWorker({ BOXYARD_DATA_DIR: dataDir });
  expect(await worker.ended()).toBe(1);
  expect(worker.printed()).toMatch(/^boxyard-worker: .*Set BOXYARD_DATABASE_URL.*\n$/);
});
