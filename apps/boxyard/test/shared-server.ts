import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from '../src/cli/api-client.ts';
import { createLogger } from '../src/server/logger.ts';
import { startServer } from '../src/server/start-server.ts';
import { deleteSessions } from './test-server.ts';

/** One server in this process for a whole file of tests that do not kill it. */
export interface SharedServer {
  readonly client: ApiClient;
  readonly token: string;
  readonly dataDir: string;
  readonly stop: () => Promise<void>;
}

export async function startSharedServer(env: Readonly<Record<string, string>> = {}): Promise<SharedServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-server-'));
  const server = await startServer({
    env: { ...env, BOXYARD_DATA_DIR: dataDir, BOXYARD_PORT: '0' },
    version: '0.0.0-test',
    log: () => createLogger('silent'),
  });
  const client = new ApiClient({ url: server.url, token: server.token });
  return {
    client,
    token: server.token,
    dataDir,
    stop: async () => {
      await deleteSessions(client);
      await server.stop();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
    },
  };
}
