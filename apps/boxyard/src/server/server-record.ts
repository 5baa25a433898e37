import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a running server leaves in its data folder for the command line of the same user. No secret. */
export interface ServerRecord {
  readonly url: string;
  readonly pid: number;
}

const fileOf = (dataDir: string) => join(dataDir, 'server.json');

export async function writeServerRecord(dataDir: string, record: ServerRecord): Promise<void> {
  const temporary = `${fileOf(dataDir)}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  await rename(temporary, fileOf(dataDir));
}

export async function readServerRecord(dataDir: string): Promise<ServerRecord | null> {
  try {
    const record = JSON.parse(await readFile(fileOf(dataDir), 'utf8')) as ServerRecord;
    return typeof record.url === 'string' && Number.isInteger(record.pid) ? record : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Removes the record if it is still ours: a later server may have written its own. */
export async function removeServerRecord(dataDir: string, pid: number): Promise<void> {
  const record = await readServerRecord(dataDir);
  if (record?.pid === pid) await rm(fileOf(dataDir), { force: true });
}
