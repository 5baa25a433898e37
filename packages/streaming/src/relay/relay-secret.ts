import { deriveTokenSecret } from '@boxyard/sandbox-core';

/**
 * What a relay checks tokens with, as 64 hexadecimal characters: made of the deployment's one secret key, which the
 * relay need not know then.
 *
 * @throws SandboxError `configuration` for a key of fewer than 32 characters.
 */
export const relaySecret = (secretKey: string): string =>
  Buffer.from(deriveTokenSecret(secretKey)).toString('hex');
