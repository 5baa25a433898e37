import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BoxyardClient, createClient } from '@boxyard/client';
import { createLogger } from '../src/server/logger.ts';
import { startServer } from '../src/server/start-server.ts';

import { ApiClient } from './raw-api.ts';
import { deleteSessions } from './test-server.ts';

/** One server in this process for a whole file of tests that do not kill it. */
export interface SharedServer {
  /** Plain HTTP. */
  readonly client: ApiClient;
  /** The same as users have it. */
  readonly boxyard: BoxyardClient;
  readonly token: string;
  readonly dataDir: string;
  readonly stop: () => Promise<void>;
}

/** @param onLog gets every line of the log, at every level; without it nothing is logged. */
export async function startSharedServer(
  env: Readonly<Record<string, string>> = {},
  onLog?: (line: string) => void,
): Promise<SharedServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-server-'));
  const server = await startServer({
    env: { ...env, BOXYARD_DATA_DIR: dataDir, BOXYARD_PORT: '0' },
    version: '0.0.0-test',
    log: () => (onLog ? createLogger('trace', { write: onLog }) : createLogger('silent')),
  });
  const client = new ApiClient({ url: server.url, token: server.token });
  return {
    client,
    boxyard: createClient({ url: server.url, token: server.token }),
    token: server.token,
    dataDir,
    stop: async () => {
      await deleteSessions(client);
      await server.stop();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
    },
  };
}
