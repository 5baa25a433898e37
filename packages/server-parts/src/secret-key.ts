import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readDataFile, writeFirstDataFile } from './data-file.ts';

/**
 * The key that environment values are sealed with: given, or made once and kept beside the data (0600). Processes
 * that share the folder and start together get the same.
 */
export async function ensureSecretKey(dataDir: string, given: string | undefined): Promise<string> {
  if (given !== undefined) return given;
  const file = join(dataDir, 'secret-key');
  return (await readDataFile(file)) ?? writeFirstDataFile(file, randomBytes(32).toString('base64'));
}
