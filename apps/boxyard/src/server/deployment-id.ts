import { randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Names this installation in the tags of its boxes. It is kept with the data: another installation on the same
 * account must never take our boxes for its own, and we must know ours again after a restart.
 */
export async function ensureDeploymentId(dataDir: string): Promise<string> {
  const file = join(dataDir, 'deployment-id');
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const id = randomUUID();
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, `${id}\n`);
  await rename(temporary, file);
  return id;
}
