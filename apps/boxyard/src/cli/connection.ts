import { join } from 'node:path';
import { type BoxyardClient, createClient } from '@boxyard/client';
import { readDataFile } from '@boxyard/server-parts';
import { readServerRecord } from '../server/server-record.ts';

/** A large box is captured in minutes; a person who has had enough presses Ctrl-C. */
const CLI_DEADLINE_MS = 15 * 60_000;

/** Nobody told the command line where the server is, or with what key. */
export class NoServer extends Error {
  override readonly name = 'NoServer';
}

/** Where a server is, and the key for it. */
export interface Connection {
  readonly url: string;
  readonly token: string;
}

/** A client of the workspace that a command names. */
export type Connect = (workspace?: string) => Promise<BoxyardClient>;

/** A client that waits as long as a box takes to come or to be captured. */
export const clientOf = ({ url, token }: Connection): BoxyardClient =>
  createClient({ url, token, deadlineMs: CLI_DEADLINE_MS });

/**
 * Where the server is: `BOXYARD_URL` and `BOXYARD_TOKEN` when set, else what a server on this machine left in
 * its data folder. The token is read from a 0600 file and shown nowhere.
 */
export async function findConnection(
  dataDir: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Connection> {
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
