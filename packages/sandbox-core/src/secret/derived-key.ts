import { hkdfSync } from 'node:crypto';
import { SandboxError } from '../sandbox-error.ts';

/** Fewer characters than this could be guessed by trying. */
const MIN_SECRET_CHARACTERS = 32;

/**
 * A key of 32 bytes for one purpose from the deployment's one secret, so that a key that leaks in one place
 * opens nothing in another.
 *
 * @throws SandboxError `configuration` for a secret of fewer than 32 characters.
 */
export function deriveKey(secret: string, purpose: string): Buffer {
  if (secret.length < MIN_SECRET_CHARACTERS) {
    throw new SandboxError(
      'configuration',
      `The secret key is too short: give at least ${MIN_SECRET_CHARACTERS} random characters.`,
      { started: 'no' },
    );
  }
  return Buffer.from(hkdfSync('sha256', secret, 'boxyard', purpose, 32));
}
