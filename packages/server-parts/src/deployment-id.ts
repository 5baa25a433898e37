import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { readDataFile } from './data-file.ts';

/** Where the id of this installation is on record. */
export interface DeploymentRecord {
  deploymentId(proposed: string): Promise<string>;
}

/**
 * Names this installation in the tags of its boxes: another one on the same account must never take our boxes for its
 * own. It is on record, so that all servers on one database name their boxes alike. Earlier versions kept it in the
 * data folder; the first of their folders that meets a record gives it its id, and its boxes stay ours.
 */
export async function ensureDeploymentId(dataDir: string, record: DeploymentRecord): Promise<string> {
  const kept = await readDataFile(join(dataDir, 'deployment-id'));
  return record.deploymentId(kept ?? randomUUID());
}
