// A nats-server of a test's own. It keeps its port for life, so that a server that was killed comes back where its
// clients look for it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_DEADLINE_MS = 30_000;
const POLL_MS = 20;

export interface TestNatsServerOptions {
  /**
   * Further lines of the configuration file: accounts, operator, resolver, limits. Where it listens is decided
   * here. It may name files by absolute paths only.
   */
  readonly config?: string;
}

export interface TestNatsServer extends AsyncDisposable {
  /** `nats://127.0.0.1:<port>`, the same after a restart. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** What it wrote since it was first started. */
  log(): string;
  /** Ends it as a crash or a power cut would (SIGKILL), or in order, and waits until it is gone. */
  kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Starts it again on its port, with another configuration when one is given. */
  start(config?: string): Promise<void>;
}

/** @throws Error with its last lines when it does not begin to listen. */
export async function startNatsServer(options: TestNatsServerOptions = {}): Promise<TestNatsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'boxyard-nats-'));
  const configFile = join(folder, 'nats-server.conf');
  let config = options.config ?? '';
  let port = -1;
  let child: ChildProcess | null = null;
  let written = '';

  const kill = async (signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> => {
    const running = child;
    child = null;
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, 'exit');
    running.kill(signal);
    await gone;
  };

  const start = async (changed?: string): Promise<void> => {
    await kill();
    config = changed ?? config;
    await writeFile(configFile, `listen: "127.0.0.1:${port}"\nports_file_dir: "${folder}"\n${config}\n`);
    const started = spawn('nats-server', ['--config', configFile], { stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    let failure: string | null = null;
    started.once('error', (error) => {
      failure = error.message;
    });
    started.once('exit', (code, signal) => {
      failure = `it ended with ${signal ?? code}`;
    });
    const note = (chunk: Buffer) => {
      written += chunk.toString('utf8');
    };
    started.stdout?.on('data', note);
    started.stderr?.on('data', note);
    const deadline = Date.now() + READY_DEADLINE_MS;
    // The file of ports is written once it listens.
    for (;;) {
      const told = await portOf(folder, started.pid);
      if (told !== null) {
        port = told;
        return;
      }
      const why = failure ?? (Date.now() > deadline ? 'it does not listen' : null);
      if (why !== null) throw new Error(`nats-server did not start: ${why}.\n${written.slice(-2_000)}`);
      await sleep(POLL_MS);
    }
  };

  try {
    await start();
  } catch (error) {
    await kill();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    get url() {
      return `nats://127.0.0.1:${port}`;
    },
    get port() {
      return port;
    },
    get pid() {
      if (child?.pid === undefined) throw new Error('This nats-server does not run; call start() first.');
      return child.pid;
    },
    log: () => written,
    kill,
    start,
    [Symbol.asyncDispose]: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The server chose a free port itself and tells it in a file named by its pid; null until it has. */
async function portOf(folder: string, pid: number | undefined): Promise<number | null> {
  const text = await readFile(join(folder, `nats-server_${pid}.ports`), 'utf8').catch(() => '');
  const url = /"nats:\/\/[^"]*:(\d+)"/.exec(text)?.[1];
  return url === undefined ? null : Number(url);
}
