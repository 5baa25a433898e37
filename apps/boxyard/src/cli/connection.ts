import { join } from 'node:path';
import { readDataFile } from '../server/data-file.ts';
import { readServerRecord } from '../server/server-record.ts';
import type { ApiConnection } from './api-client.ts';

/** Nobody told the command line where the server is, or with what key. */
export class NoServer extends Error {
  override readonly name = 'NoServer';
}

/**
 * Where the server is: `BOXYARD_URL` and `BOXYARD_TOKEN` when set, else what a server on this machine left in
 * its data folder. The token is read from a 0600 file and shown nowhere.
 */
export async function findConnection(
  dataDir: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ApiConnection> {
  const url = env.BOXYARD_URL ?? (await readServerRecord(dataDir))?.url;
  if (!url) {
    throw new NoServer(
      `No server is known in ${dataDir}. Start one with 'boxyard up', or set BOXYARD_URL and BOXYARD_TOKEN.`,
    );
  }
  const token = env.BOXYARD_TOKEN ?? (await readDataFile(join(dataDir, 'token')));
  if (!token) throw new NoServer(`No key is known for ${url}. Set BOXYARD_TOKEN.`);
  return { url, token };
}
