// One shape for every token: PREFIX + base64url(JSON claims) + "." + base64url(HMAC-SHA256(secret, encoded claims)).
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { SandboxError } from '../sandbox-error.ts';
import { isSameSecret } from './is-same-secret.ts';

/** Longer than any token of ours; what is longer is not worth a hash. */
const MAX_TOKEN_CHARACTERS = 4096;

const Claims = z.looseObject({
  /** Seconds since 1970, as other programs that read these tokens expect. Valid up to and including it. */
  exp: z.int().nonnegative(),
});

/** Why a token does not open anything; the `stage` of the error, behind `token.`. */
export type TokenFault = 'malformed' | 'signature' | 'expired' | 'scope';

/** @throws SandboxError `configuration` for an empty secret, which everybody could sign with. */
export function signToken(
  prefix: string,
  claims: z.infer<typeof Claims>,
  secret: string | Uint8Array,
): string {
  const encoded = Buffer.from(JSON.stringify(claims), 'utf8').toString('base64url');
  return `${prefix}${encoded}.${signatureOf(encoded, secret)}`;
}

/**
 * The claims of a token that was signed with this secret and has not run out.
 *
 * @throws SandboxError `denied` with stage `token.<fault>`. The message never repeats the token.
 */
export function openToken<Schema extends z.ZodType>(
  prefix: string,
  token: string,
  secret: string | Uint8Array,
  schema: Schema,
  now: Date,
): z.infer<Schema> {
  const split = token.lastIndexOf('.');
  if (token.length > MAX_TOKEN_CHARACTERS || !token.startsWith(prefix) || split < prefix.length) {
    throw tokenRefused('malformed', 'is no token of this kind');
  }
  const encoded = token.slice(prefix.length, split);
  // Texts are compared, not decoded bytes: one signature has one spelling.
  if (!isSameSecret(token.slice(split + 1), signatureOf(encoded, secret))) {
    throw tokenRefused('signature', 'was not signed here');
  }
  const json = parseJson(Buffer.from(encoded, 'base64url').toString('utf8'));
  const common = Claims.safeParse(json);
  const claims = schema.safeParse(json);
  if (!common.success || !claims.success) throw tokenRefused('malformed', 'lacks claims');
  if (common.data.exp < Math.floor(now.getTime() / 1000)) throw tokenRefused('expired', 'has run out');
  return claims.data;
}

/** For a token that is genuine but not for what it was shown for. */
export const tokenRefused = (fault: TokenFault, why: string): SandboxError =>
  new SandboxError('denied', `The token ${why}: ask for a new one.`, {
    stage: `token.${fault}`,
    started: 'no',
  });

function signatureOf(encoded: string, secret: string | Uint8Array): string {
  if (secret.length === 0) {
    throw new SandboxError('configuration', 'The token secret is empty: set the secret key.', {
      started: 'no',
    });
  }
  return createHmac('sha256', secret).update(encoded, 'utf8').digest('base64url');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
