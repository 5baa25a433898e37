import type { Settings } from '@boxyard/config';
import { createLogger } from '../server/logger.ts';
import { startServer } from '../server/start-server.ts';
import { clientOf } from './connection.ts';
import { runDemo } from './demo.ts';

export interface UpOptions {
  readonly port?: number;
  readonly backend?: string;
  readonly dataDir: string;
  readonly json?: boolean;
  readonly demo?: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs the server until SIGTERM or SIGINT; the last line names the boxes that stay. */
export async function up(options: UpOptions, env: Environment, version: string): Promise<void> {
  const ending = Promise.withResolvers<NodeJS.Signals>();
  // From the first moment on: a signal in the middle of the start must not leave a database behind.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => ending.resolve(signal));
  const server = await startServer({
    env: settingsOf(options, env),
    version,
    log: (level: Settings['logLevel']) => createLogger(level),
  });
  if (options.json) say(JSON.stringify({ url: server.url, token: server.token }));
  else {
    say(`Boxyard listens on ${server.url}`);
    say(`The key is kept in ${server.settings.dataDir}/token. A first request:`);
    say(`  curl -s -H "Authorization: Bearer ${server.token}" ${server.url}/v1/workspaces/default/sessions`);
    say(
      `The API is documented at ${server.url}/v1/docs. The local backend is no isolation: commands run as you.`,
    );
  }
  try {
    if (options.demo) await runDemo(clientOf(server), say);
  } catch (error) {
    await server.stop();
    throw error;
  }
  await ending.promise;
  const staying = await server.stop();
  say(`Stopped. ${describeStaying(staying)}`);
}

function describeStaying(groups: readonly string[] | null): string {
  if (groups === null) return 'Which boxes stay could not be read.';
  return groups.length === 0 ? 'No box stays.' : `Boxes that stay: ${groups.join(' ')}`;
}

const settingsOf = (options: UpOptions, env: Environment): Environment => ({
  ...env,
  BOXYARD_DATA_DIR: options.dataDir,
  ...(options.port === undefined ? {} : { BOXYARD_PORT: String(options.port) }),
  ...(options.backend === undefined ? {} : { BOXYARD_BACKEND: options.backend }),
});

const say = (line: string) => void process.stdout.write(`${line}\n`);
