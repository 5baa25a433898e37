import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, type RunningServer, startServer } from '@boxyard/boxyard';

/** The server that a snippet talks to: real, on a free port, gone with its folder afterwards. */
export class SnippetServer {
  #running: { readonly server: RunningServer; readonly dataDir: string } | undefined;

  /** Starts it when it does not run yet. Answers what tells a client where it is. */
  async start(): Promise<Readonly<Record<string, string>>> {
    if (this.#running === undefined) {
      const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-snippet-'));
      const server = await startServer({
        env: { BOXYARD_DATA_DIR: dataDir, BOXYARD_PORT: '0' },
        version: '0.0.0',
        log: () => createLogger('silent'),
      });
      this.#running = { server, dataDir };
    }
    const { url, token } = this.#running.server;
    return { BOXYARD_URL: url, BOXYARD_TOKEN: token };
  }

  async stop(): Promise<void> {
    if (this.#running === undefined) return;
    await this.#running.server.stop();
    await rm(this.#running.dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  }
}
