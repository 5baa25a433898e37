/** A server with a scripted model and a network of its own, each of which can be struck and made good again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BoxyardSession, createClient } from '@boxyard/client';
import { type ScriptedModel, startScriptedModel } from '@boxyard/scripted-model';
import { eventually } from '@tooling/eventually';
import { type CuttableConnection, startCuttableConnection } from '../cuttable-connection.ts';
import { startSharedDatabase } from '../shared-database.ts';
import { deleteSessions, launchServer, type ServerProcess } from '../test-server.ts';
import { CONCURRENCY, KEPT, phaseScript } from './phases.ts';

const WORKER = fileURLToPath(new URL('../../../worker/src/main.ts', import.meta.url));

type SharedDatabase = Awaited<ReturnType<typeof startSharedDatabase>>;

/** Whether turns run inside the server, or in a worker beside it on one database. */
export type YardKind = 'all in one' | 'apart';

const TURNS = {
  BOXYARD_TURN_CONCURRENCY: String(CONCURRENCY),
  BOXYARD_TURN_HEARTBEAT_MS: '1000',
  BOXYARD_TURN_TTL_MS: '5000',
};

export class FaultYard {
  readonly dataDir: string;
  readonly #database: SharedDatabase | null;
  #goOn = Promise.withResolvers<void>();
  /** One for all models of this yard: it knows what was asked before the endpoint went away. */
  readonly #script = phaseScript(() => this.#goOn.promise);
  #model: ScriptedModel | null = null;
  #modelPort = 0;
  #server: ServerProcess | null = null;
  #worker: ChildProcess | null = null;
  #relay: CuttableConnection | null = null;

  private constructor(dataDir: string, database: SharedDatabase | null) {
    this.dataDir = dataDir;
    this.#database = database;
  }

  static async start(kind: YardKind): Promise<FaultYard> {
    const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-turn-faults-'));
    const yard = new FaultYard(dataDir, kind === 'apart' ? await startSharedDatabase() : null);
    await yard.startModel();
    await yard.startServer();
    if (kind === 'apart') await yard.startWorker();
    yard.#relay = await startCuttableConnection(() => yard.#started.url);
    return yard;
  }

  get #started(): ServerProcess {
    if (this.#server === null) throw new Error('No server runs.');
    return this.#server;
  }

  session(id: string): BoxyardSession {
    const { url, token } = this.#started;
    return createClient({ url, token }).session(id);
  }

  /** For readers: their connection can be cut, and leads to whichever server runs. */
  throughRelay(id: string): BoxyardSession {
    return createClient({ url: this.#relay?.url, token: this.#started.token }).session(id);
  }

  cutReaders(): number {
    return this.#relay?.cut() ?? 0;
  }

  /** With a saved file, and a box that is freed until the turn wants one. */
  async newSession(ballastBytes: number): Promise<{ readonly id: string; readonly groupId: string }> {
    const { url, token } = this.#started;
    const session = (await createClient({ url, token }).sessions.create()).keep();
    await session.files.upload('kept.txt', `${KEPT}\n`);
    await session.files.upload('ballast.bin', new Uint8Array(randomBytes(ballastBytes)));
    await session.pause({ force: true });
    return { id: session.id, groupId: (await session.info()).sandboxGroupId };
  }

  /** What waits inside the model's answers goes on; what is asked from now on waits anew. */
  goOn(): void {
    this.#goOn.resolve();
    this.#goOn = Promise.withResolvers();
  }

  async startModel(): Promise<void> {
    this.#model = await startScriptedModel({ script: this.#script, port: this.#modelPort });
    this.#modelPort = Number(new URL(this.#model.baseUrl).port);
  }

  async stopModel(): Promise<void> {
    await this.#model?.close();
  }

  async startServer(): Promise<void> {
    const apart = this.#database === null ? {} : { BOXYARD_TURN_CONCURRENCY: '0' };
    this.#server = await launchServer(this.dataDir, { ...this.#settings(), ...apart });
  }

  async startWorker(): Promise<void> {
    const worker = spawn(process.execPath, ['--conditions=@boxyard/source', WORKER], {
      env: { ...process.env, ...this.#settings(), BOXYARD_DATA_DIR: this.dataDir },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#worker = worker;
    let logged = '';
    worker.stderr.on('data', (chunk) => {
      logged += chunk;
    });
    await eventually('a worker that is ready', async () => {
      if (worker.exitCode !== null) throw new Error(`The worker ended:\n${logged}`);
      return logged.includes('"msg":"ready"');
    });
  }

  #settings(): Readonly<Record<string, string>> {
    return {
      ...TURNS,
      BOXYARD_MODEL_BASE_URL: `http://127.0.0.1:${this.#modelPort}/v1`,
      BOXYARD_MODEL: 'scripted',
      ...(this.#database === null ? {} : { BOXYARD_DATABASE_URL: this.#database.url }),
    };
  }

  async killWorker(): Promise<void> {
    await this.#endWorker('SIGKILL');
  }

  async #endWorker(signal: NodeJS.Signals): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    if (worker === null || worker.exitCode !== null) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.kill(signal);
    await ended;
  }

  async killServer(): Promise<void> {
    await this.#started.kill();
  }

  /** The embedded one; its keeper starts another. */
  async killDatabase(): Promise<void> {
    const file = await readFile(join(this.dataDir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8');
    process.kill(Number(file.split('\n')[0]), 'SIGKILL');
  }

  /** All of it at once: its folder is somewhere else, and nothing of it runs. One that is not up loses its files. */
  async loseBox(groupId: string): Promise<void> {
    const folder = join(this.dataDir, 'boxes', groupId);
    await rename(folder, join(this.dataDir, `lost-${groupId}`));
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
      if (environment.includes(`BOXYARD_WORKSPACE=${folder}`)) kill(Number(pid));
    }
  }

  async end(): Promise<void> {
    this.#goOn.resolve();
    await this.#endWorker('SIGTERM');
    if (this.#server !== null) {
      await deleteSessions(this.#server.client);
      await this.#server.terminate();
    }
    this.#relay?.stop();
    await this.#model?.close();
    await this.#database?.stop();
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself meanwhile.
  }
}
