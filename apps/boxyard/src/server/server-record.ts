import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readDataFile, writeDataFile } from '@boxyard/server-parts';

/** What a running server leaves in its data folder for the command line of the same user. No secret. */
export interface ServerRecord {
  readonly url: string;
  readonly pid: number;
}

const fileOf = (dataDir: string) => join(dataDir, 'server.json');

export async function writeServerRecord(dataDir: string, record: ServerRecord): Promise<void> {
  await writeDataFile(fileOf(dataDir), JSON.stringify(record));
}

export async function readServerRecord(dataDir: string): Promise<ServerRecord | null> {
  const text = await readDataFile(fileOf(dataDir));
  if (text === null) return null;
  const record = JSON.parse(text) as ServerRecord;
  return typeof record.url === 'string' && Number.isInteger(record.pid) ? record : null;
}

/** Removes the record if it is still ours: a later server may have written its own. */
export async function removeServerRecord(dataDir: string, pid: number): Promise<void> {
  const record = await readServerRecord(dataDir);
  if (record?.pid === pid) await rm(fileOf(dataDir), { force: true });
}
