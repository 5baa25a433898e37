import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { readDataFile, writeDataFile } from './data-file.ts';

/**
 * Names this installation in the tags of its boxes. It is kept with the data: another installation on the same
 * account must never take our boxes for its own, and we must know ours again after a restart.
 */
export async function ensureDeploymentId(dataDir: string): Promise<string> {
  const file = join(dataDir, 'deployment-id');
  const kept = await readDataFile(file);
  if (kept !== null) return kept;
  const id = randomUUID();
  await writeDataFile(file, id);
  return id;
}
