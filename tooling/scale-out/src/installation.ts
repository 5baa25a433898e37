/** One PostgreSQL, one nats-server, a scripted model, and the processes that share them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ScriptedModel, startScriptedModel } from '@boxyard/scripted-model';
import { openTestStore, type TestStore } from '@boxyard/store-postgres/testing';
import { freePort } from './free-port.ts';
import { Member } from './member.ts';
import { type MonitoredNats, startMonitoredNats } from './nats.ts';
import { taskScript } from './task.ts';

export interface Installation extends AsyncDisposable {
  readonly dataDir: string;
  readonly store: TestStore;
  readonly nats: MonitoredNats;
  readonly model: ScriptedModel;
  readonly token: string;
  readonly servers: readonly { readonly url: string; readonly member: Member }[];
  readonly workers: readonly Member[];
}

export interface InstallationSize {
  readonly servers: number;
  readonly workers: number;
  /** How long a command of a turn takes. */
  readonly commandSeconds: number;
}

const TOKEN = 'scale-out-operator';
const entry = (path: string) => fileURLToPath(new URL(`../../../apps/${path}`, import.meta.url));

/** Nothing of it runs once it is disposed of, whatever happened to its processes. */
export async function openInstallation(size: InstallationSize): Promise<Installation> {
  const closing: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const one of closing.splice(0).reverse()) await one();
  };
  try {
    const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-scale-out-'));
    closing.push(() => rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));
    const store = await openTestStore();
    closing.push(() => store.close());
    const nats = await startMonitoredNats();
    closing.push(async () => nats[Symbol.asyncDispose]());
    const model = await startScriptedModel({ script: taskScript(size.commandSeconds) });
    closing.push(() => model.close());
    const env = {
      BOXYARD_DATA_DIR: dataDir,
      BOXYARD_DATABASE_URL: urlOf(store),
      BOXYARD_NATS_URL: nats.url,
      BOXYARD_SECRET_KEY: 'scale-out-secret-key-that-all-processes-share',
      BOXYARD_TOKEN: TOKEN,
      BOXYARD_MODEL_BASE_URL: model.baseUrl,
      BOXYARD_MODEL: 'scripted',
      BOXYARD_TURN_HEARTBEAT_MS: '1000',
      BOXYARD_TURN_TTL_MS: '6000',
      BOXYARD_REQUEST_HEARTBEAT_MS: '2000',
      BOXYARD_REQUEST_TTL_MS: '10000',
      BOXYARD_REAPER_PERIOD_MS: '2000',
      // Of a process that was killed in the middle of making or stopping a box.
      BOXYARD_WARMING_TTL_MS: '20000',
      BOXYARD_TERMINATING_TTL_MS: '20000',
      BOXYARD_REQUEST_WAIT_MS: '60000',
    };
    const servers = await Promise.all(
      Array.from({ length: size.servers }, async (_, index) => {
        const port = await freePort();
        const member = new Member({
          name: `server ${index + 1}`,
          command: [entry('boxyard/src/main.ts'), 'up', '--data-dir', dataDir, '--port', String(port)],
          env: { ...env, BOXYARD_TURN_CONCURRENCY: '0' },
        });
        return { url: `http://127.0.0.1:${port}`, member };
      }),
    );
    const workers = Array.from(
      { length: size.workers },
      (_, index) => new Member({ name: `worker ${index + 1}`, command: [entry('worker/src/main.ts')], env }),
    );
    const members = [...servers.map(({ member }) => member), ...workers];
    closing.push(() => Promise.all(members.map((member) => member.end('SIGKILL'))));
    await Promise.all(members.map((member) => member.start()));
    return { dataDir, store, nats, model, token: TOKEN, servers, workers, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** By its socket: it has no port. */
function urlOf({ connection: { path, user, password, database } }: TestStore): string {
  const query = new URLSearchParams({ host: dirname(path), user, password, port: path.split('.').at(-1)! });
  return `postgres:///${database}?${query}`;
}
