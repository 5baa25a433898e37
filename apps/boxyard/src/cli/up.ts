import type { Settings } from '@boxyard/config';
import { keepHeapSteady } from '@boxyard/server-parts';
import { createLogger } from '../server/logger.ts';
import { type RunningServer, startServer } from '../server/start-server.ts';
import { clientOf } from './connection.ts';
import { openDemoModel } from './demo/demo-model.ts';

export interface UpOptions {
  readonly port?: number;
  readonly backend?: string;
  readonly dataDir: string;
  readonly json?: boolean;
  readonly demo?: boolean;
  readonly machines?: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs the server until SIGTERM or SIGINT; the last line names the boxes that stay. */
export async function up(options: UpOptions, env: Environment, version: string): Promise<void> {
  const ending = Promise.withResolvers<NodeJS.Signals>();
  // From the first moment on: a signal in the middle of the start must not leave a database behind.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ending.resolve(signal));
  await using model = options.demo ? await openDemoModel(env) : null;
  const server = await startServer({
    env: settingsOf(options, model?.env ?? env),
    version,
    log: (level: Settings['logLevel']) => createLogger(level),
  });
  keepHeapSteady();
  if (options.json) say(JSON.stringify({ url: server.url, token: server.token }));
  else {
    say(`Boxyard listens on ${server.url}`);
    say(`The key is kept in ${server.settings.dataDir}/token. A first request:`);
    say(`  curl -s -H "Authorization: Bearer ${server.token}" ${server.url}/v1/workspaces/default/sessions`);
    say(
      `The API is documented at ${server.url}/v1/docs. The local backend is no isolation: commands run as you.`,
    );
    if (server.settings.machines === 'on') say(`Machines are let in at ${server.url}/enroll.`);
  }
  try {
    if (model !== null) await showDemo(server, model.description);
  } catch (error) {
    await server.stop();
    throw error;
  }
  await ending.promise;
  const staying = await server.stop();
  say(`Stopped. ${describeStaying(staying)}`);
}

async function showDemo(server: RunningServer, aboutModel: string): Promise<void> {
  const { backend, dockerSocket } = server.settings;
  say('');
  say(aboutModel);
  const [{ runDemo }, { TurnPrinter }] = await Promise.all([
    import('./demo/run-demo.ts'),
    import('./chat/turn-printer.ts'),
  ]);
  const { sessionId } = await runDemo({
    client: clientOf(server),
    printer: new TurnPrinter(process.stdout, 'table'),
    fault: 'known',
    secondBackend: backend === 'local' && dockerSocket !== null ? 'docker' : backend,
  });
  say(`The boxes stay. To say more to this agent: boxyard chat ${sessionId}`);
}

function describeStaying(groups: readonly string[] | null): string {
  if (groups === null) return 'Which boxes stay could not be read.';
  return groups.length === 0 ? 'No box stays.' : `Boxes that stay: ${groups.join(' ')}`;
}

const settingsOf = (options: UpOptions, env: Environment): Environment => ({
  ...env,
  BOXYARD_DATA_DIR: options.dataDir,
  ...(options.port === undefined ? {} : { BOXYARD_PORT: String(options.port) }),
  ...(options.machines ? { BOXYARD_MACHINES: 'on' } : {}),
  ...(options.backend === undefined ? {} : { BOXYARD_BACKEND: options.backend }),
});

const say = (line: string) => void process.stdout.write(`${line}\n`);
