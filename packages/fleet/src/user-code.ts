import { randomBytes } from 'node:crypto';

/** 32 characters, so that five random bits are one; none is taken for another when it is read aloud. */
const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';

/** `XXXX-XXXX`: 40 random bits, for the ten minutes of a device grant and under a rate limit. */
export function newUserCode(): string {
  const letters = Array.from(randomBytes(8), (byte) => ALPHABET[byte & 31]).join('');
  return `${letters.slice(0, 4)}-${letters.slice(4)}`;
}
