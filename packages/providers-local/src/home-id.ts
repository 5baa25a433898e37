// Names one data folder of one machine, so that a server elsewhere never takes a box that it cannot see for gone.
import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BoxRef, SandboxError } from '@boxyard/sandbox-core';

const FILE = 'home-id';

/** The folder's id, made when it has none; the same for every process that asks, also at the same time. */
export async function homeId(dataDir: string): Promise<string> {
  const file = join(dataDir, FILE);
  const known = await read(file);
  if (known !== null) return known;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomUUID()}`;
  await writeFile(temporary, `${randomUUID()}\n`, { mode: 0o600 });
  try {
    // A link appears whole, and fails when another process was first.
    await link(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(temporary);
  }
  return (await read(file)) ?? homeId(dataDir);
}

async function read(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** @throws SandboxError `unreachable` for a box of another home: nothing can be proven about it from here. */
export function checkHome(ref: BoxRef, home: string): void {
  if (ref.resume.home === undefined || ref.resume.home === home) return;
  throw new SandboxError(
    'unreachable',
    `The box ${ref.instance} is kept by another machine or data folder. Ask the server that runs there.`,
    { started: 'no', stage: 'resume' },
  );
}
