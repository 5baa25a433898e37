import { createHash } from 'node:crypto';

/**
 * What people compare before they let a machine in: shown by the machine and by the page that asks. Of the
 * characters of its public nkey, in the form that ssh made familiar.
 */
export const fingerprintOf = (publicKey: string): string =>
  `SHA256:${createHash('sha256').update(publicKey, 'utf8').digest('base64').replace(/=+$/, '')}`;
