import { SandboxError } from '@boxyard/sandbox-core';
import { fromPublic } from '@nats-io/nkeys';

/** @throws SandboxError `invalid` for what only looks like the public nkey of a user. */
export function checkPublicKey(publicKey: string): void {
  try {
    fromPublic(publicKey);
  } catch (cause) {
    throw new SandboxError('invalid', 'The public key is damaged: its checksum is wrong. Send it again.', {
      started: 'no',
      cause,
    });
  }
}

/** Whether whoever has the private half has signed these characters. @param signature in base64url. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  try {
    return fromPublic(publicKey).verify(Buffer.from(text, 'utf8'), Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
}
