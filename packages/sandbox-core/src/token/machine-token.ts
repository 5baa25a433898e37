// What a machine of a user shows: to be enrolled, to be known again, and to bring a stream to the relay.
import { Uuid } from '@boxyard/contracts';
import { z } from 'zod';
import { deriveKey } from '../secret/derived-key.ts';
import { openToken, signToken, tokenRefused } from './signed-token.ts';

/** Names of claims are read by programs of others: none may be renamed. Unknown ones are dropped. */
const exp = z.int().nonnegative();

/** `oge_`: an enrolled machine. */
export const MachineBearerClaims = z.object({
  workspaceId: Uuid,
  agentId: Uuid,
  enrollmentId: Uuid,
  /** `agent.<workspace>.<agent>` */
  subjectPrefix: z.string(),
  /** Counts the renewals: one that was shown long ago is not taken again. */
  credentialGeneration: z.int().nonnegative(),
  exp,
});
export type MachineBearerClaims = z.infer<typeof MachineBearerClaims>;

/** `ogr_`: a machine that brings streams to the relay. */
export const RelayTokenClaims = z.object({ workspaceId: Uuid, agentId: Uuid, exp });
export type RelayTokenClaims = z.infer<typeof RelayTokenClaims>;

/** `oget_`: whoever shows it may enroll a machine without a person who looks at it. */
export const EnrollmentTokenClaims = z.object({
  typ: z.literal('enroll'),
  workspaceId: Uuid,
  /** Whose decision it is: the id of the key that made the token. */
  accountId: z.string(),
  allowScreenControl: z.boolean(),
  /** Under which its uses are counted. */
  tokenId: Uuid,
  uses: z.int().positive(),
  iat: z.int().nonnegative(),
  exp,
});
export type EnrollmentTokenClaims = z.infer<typeof EnrollmentTokenClaims>;

/** `ogc_`: what an enrolled machine signs to prove that it has its key. */
export const MachineChallengeClaims = z.object({
  agentId: Uuid,
  /** Milliseconds since 1970; a machine's challenges are used in their order, each once. */
  issuedAtMs: z.int().nonnegative(),
  nonce: z.string().min(16),
  exp,
});
export type MachineChallengeClaims = z.infer<typeof MachineChallengeClaims>;

const KINDS = {
  bearer: { prefix: 'oge_', claims: MachineBearerClaims },
  relay: { prefix: 'ogr_', claims: RelayTokenClaims },
  enrollment: { prefix: 'oget_', claims: EnrollmentTokenClaims },
  challenge: { prefix: 'ogc_', claims: MachineChallengeClaims },
} as const;

/** The four kinds of tokens that machines show. */
export type MachineTokenKind = keyof typeof KINDS;
export type MachineTokenClaims<Kind extends MachineTokenKind> = z.infer<(typeof KINDS)[Kind]['claims']>;

/** What every stream and machine token of a deployment is signed with: from its one secret key. */
export const deriveTokenSecret = (secretKey: string): Uint8Array => deriveKey(secretKey, 'token');

/** @throws ZodError for claims of another shape. */
export function mintMachineToken<Kind extends MachineTokenKind>(
  kind: Kind,
  claims: MachineTokenClaims<Kind>,
  secret: string | Uint8Array,
): string {
  const { prefix, claims: schema } = KINDS[kind];
  return signToken(prefix, schema.parse(claims), secret);
}

/**
 * The claims of a token of this kind that was signed here and has not run out. Whether what it names is still
 * allowed is for the caller to look up.
 *
 * @param scope Each claim that is given must be the token's own.
 * @throws SandboxError `denied` with the stage `token.<fault>`.
 */
export function openMachineToken<Kind extends MachineTokenKind>(
  kind: Kind,
  token: string,
  secret: string | Uint8Array,
  options: { readonly now?: Date; readonly scope?: Partial<MachineTokenClaims<Kind>> } = {},
): MachineTokenClaims<Kind> {
  const { prefix, claims: schema } = KINDS[kind];
  const claims = openToken(
    prefix,
    token,
    secret,
    schema,
    options.now ?? new Date(),
  ) as MachineTokenClaims<Kind>;
  for (const [name, value] of Object.entries(options.scope ?? {})) {
    if (value !== undefined && claims[name as keyof typeof claims] !== value) {
      throw tokenRefused('scope', `is for another ${name}`);
    }
  }
  return claims;
}
