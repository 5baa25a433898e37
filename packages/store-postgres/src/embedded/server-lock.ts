/**
 * One data folder, one server. PostgreSQL's own postmaster.pid cannot say this: it names the postmaster, which
 * may be an orphan of a server that was killed, and then the folder is free to take over.
 */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { SandboxError } from '@boxyard/sandbox-core';
import { type BootedProcess, identifyProcess, isAlive } from './process-identity.ts';

export interface ServerLock {
  release(): Promise<void>;
}

/** `conflict` when a server that lives has it. */
export async function acquireServerLock(path: string, dataDir: string): Promise<ServerLock> {
  const self = await identifyProcess(process.pid);
  if (self === null) {
    throw new SandboxError(
      'configuration',
      `The lock ${path} cannot be taken: this process cannot see itself. Mount /proc.`,
    );
  }
  const mine = JSON.stringify({ ...self, token: randomUUID() });
  const prepared = `${path}.${randomUUID()}`;
  await writeFile(prepared, mine, { mode: 0o600, flag: 'wx' });
  try {
    // Each round either takes the lock, meets a living owner, or has removed one dead owner's file.
    for (let round = 0; round < 20; round++) {
      // Linking a finished file: no other process ever reads a lock that is half written.
      if (await linked(prepared, path)) return { release: () => releaseIfMine(path, mine) };
      const found = await readFile(path, 'utf8').catch(absent);
      if (found === null) continue;
      const owner = parseOwner(found);
      if (owner !== null && (await isAlive(owner))) {
        throw new SandboxError(
          'conflict',
          `The data folder ${dataDir} is in use by another server (process ${owner.pid}). Stop that server, or start this one with another data folder.`,
          { started: 'no' },
        );
      }
      await removeStale(path, found);
    }
  } finally {
    await rm(prepared, { force: true });
  }
  throw new SandboxError(
    'conflict',
    `The data folder ${dataDir} is being taken by several servers at once. Start one of them.`,
    { started: 'no', retryable: true },
  );
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves the file aside before removing it: had another server replaced it meanwhile, it is put back. */
async function removeStale(path: string, judged: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== judged) await linked(aside, path);
  await rm(aside, { force: true });
}

async function releaseIfMine(path: string, mine: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(absent)) === mine) await rm(path, { force: true });
}

function parseOwner(text: string): BootedProcess | null {
  try {
    const { pid, startedAt } = JSON.parse(text) as Partial<BootedProcess>;
    return typeof pid === 'number' && typeof startedAt === 'string' ? { pid, startedAt } : null;
  } catch {
    // Linked files are whole, so this one was damaged by a crash of the machine: nobody holds it.
    return null;
  }
}

function absent(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error;
}
