import { timingSafeEqual } from 'node:crypto';

/** Compares what somebody shows with a secret, in a time that says nothing of where they differ; lengths may be known. */
export function isSameSecret(shown: string, secret: string): boolean {
  const [given, expected] = [Buffer.from(shown, 'utf8'), Buffer.from(secret, 'utf8')];
  return given.length === expected.length && timingSafeEqual(given, expected);
}
