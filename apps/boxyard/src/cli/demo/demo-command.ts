/** `boxyard demo`: a server for one task, which leaves nothing behind. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../../server/logger.ts';
import { startServer } from '../../server/start-server.ts';
import { TurnPrinter } from '../chat/turn-printer.ts';
import { clientOf } from '../connection.ts';
import type { OutputFormat } from '../output.ts';
import { openDemoModel } from './demo-model.ts';
import { findDockerSocket } from './docker-socket.ts';
import { runDemo } from './run-demo.ts';

export interface DemoCommandOptions {
  /** The repository has a fault that the scripted model does not know. */
  readonly broken: boolean;
  /** Where the work goes on; docker where an engine answers, else local, when absent. */
  readonly to?: string;
  readonly output: OutputFormat;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @returns the exit code of the demo's turn. */
export async function demo(options: DemoCommandOptions, env: Environment, version: string): Promise<number> {
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  // From the first moment on: whatever ends it, its database and its boxes end too. Ctrl-C is the turn's.
  process.on('SIGTERM', leave);
  const ignore = () => undefined;
  process.on('SIGINT', ignore);
  const printer = new TurnPrinter(process.stdout, options.output);
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-demo-'));
  try {
    await using model = await openDemoModel(env);
    printer.note(model.description);
    const dockerSocket = options.to === 'local' ? null : await findDockerSocket(env);
    const server = await startServer({
      env: {
        ...settingsOfDemo(model.env),
        BOXYARD_DATA_DIR: dataDir,
        BOXYARD_PORT: '0',
        ...(dockerSocket === null ? {} : { BOXYARD_DOCKER_SOCKET: dockerSocket }),
      },
      version,
      log: () => createLogger('error'),
    });
    const client = clientOf(server);
    try {
      const { exitCode } = await runDemo({
        client,
        printer,
        fault: options.broken ? 'other' : 'known',
        secondBackend: options.to ?? (dockerSocket === null ? 'local' : 'docker'),
        leave: leaving.signal,
      });
      return exitCode;
    } finally {
      for await (const { id } of client.sessions.list()) await client.sessions.delete(id);
      await server.stop();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    process.off('SIGTERM', leave);
    process.off('SIGINT', ignore);
  }
}

/** The demo is nobody's server: it takes the model and the engine from the environment, and nothing else. */
const settingsOfDemo = (env: Environment): Environment =>
  Object.fromEntries(Object.entries(env).filter(([name]) => /^BOXYARD_(MODEL|DOCKER)(_|$)/.test(name)));
