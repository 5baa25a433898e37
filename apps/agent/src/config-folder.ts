// Where an agent keeps what it is: its key, its enrollment, its settings. One folder is one machine to the server.

import { randomUUID } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** `$BOXYARD_CONFIG_DIR`, else `$XDG_CONFIG_HOME/boxyard/agent`, else `~/.config/boxyard/agent`. */
export function configFolder(env: Environment): string {
  if (env.BOXYARD_CONFIG_DIR) return resolve(env.BOXYARD_CONFIG_DIR);
  if (env.XDG_CONFIG_HOME) return join(resolve(env.XDG_CONFIG_HOME), 'boxyard', 'agent');
  return join(env.HOME || homedir(), '.config', 'boxyard', 'agent');
}

/** The files of one config folder. */
export const configFiles = (folder: string) => ({
  key: join(folder, 'machine.key'),
  enrollment: join(folder, 'enrollment.json'),
  settings: join(folder, 'settings.json'),
  /** What a running agent tells about itself. */
  state: join(folder, 'state.json'),
  audit: join(folder, 'audit.jsonl'),
  /** Output of commands that nobody has read yet. */
  box: join(folder, 'box'),
});

/** Made when it is missing; nobody else may look into it. */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
}

/** Null when there is no such file. */
export async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** The whole file or none of it, readable by its owner only, and on the disk before anybody relies on it. */
export async function writePrivately(file: string, text: string): Promise<void> {
  const temporary = await writeBeside(file, text);
  await rename(temporary, file);
}

/** As `writePrivately`, when there is no such file yet; false when somebody was first. */
export async function createPrivately(file: string, text: string): Promise<boolean> {
  const temporary = await writeBeside(file, text);
  try {
    // A link appears whole, and fails when the name is taken.
    await link(temporary, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await unlink(temporary);
  }
}

async function writeBeside(file: string, text: string): Promise<string> {
  const temporary = `${file}.${randomUUID()}`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return temporary;
}
