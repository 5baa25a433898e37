import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Settings } from '@boxyard/config';
import { createSealer, deriveKey, deriveTokenSecret, type Sealer } from '@boxyard/sandbox-core';
import { readDataFile, writeFirstDataFile } from './data-file.ts';

/** What is made of the one secret key of an installation; the key itself goes no further. */
export interface DerivedKeys {
  /** Seals what a session keeps secret. */
  readonly sealer: Sealer;
  /** Signs what machines and viewers of streams show. */
  readonly tokenSecret: Uint8Array;
  /** Signs the cookies of people who signed in. */
  readonly browserSecret: Buffer;
}

/** @throws SandboxError `configuration` for a key that is too short, or what reading its file threw. */
export async function deriveKeys({ dataDir, secretKey }: Settings): Promise<DerivedKeys> {
  const key = await ensureSecretKey(dataDir, secretKey ?? undefined);
  return {
    sealer: createSealer([key]),
    tokenSecret: deriveTokenSecret(key),
    browserSecret: deriveKey(key, 'browser-session'),
  };
}

/**
 * The key that environment values are sealed with: given, or made once and kept beside the data (0600). Processes
 * that share the folder and start together get the same.
 */
export async function ensureSecretKey(dataDir: string, given: string | undefined): Promise<string> {
  if (given !== undefined) return given;
  const file = join(dataDir, 'secret-key');
  return (await readDataFile(file)) ?? writeFirstDataFile(file, randomBytes(32).toString('base64'));
}
