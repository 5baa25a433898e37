// What opens one stream of one box for one viewer, checked at the edge that serves the bytes.
import { randomBytes } from 'node:crypto';
import { Port, Uuid } from '@boxyard/contracts';
import { z } from 'zod';
import { openToken, signToken, tokenRefused } from './signed-token.ts';

const PREFIX = 'ogs_';

/** Short, because a viewer's heartbeat rotates it. */
export const STREAM_TOKEN_TTL_MS = 120_000;

/** The first seven names are read by programs of others: none may be renamed. */
export const StreamTokenClaims = z.object({
  workspaceId: Uuid,
  sessionId: Uuid,
  viewerId: Uuid,
  /** For a machine: the session's active epoch. */
  leaseEpoch: z.int().nonnegative(),
  /** `view` can send nothing. */
  mode: z.enum(['view', 'control']),
  port: Port,
  exp: z.int().nonnegative(),
  sandboxGroupId: Uuid.optional(),
  kind: z.enum(['desktop', 'terminal', 'port']).optional(),
  /** Tells two tokens of one viewer apart, so that one can be revoked. */
  nonce: z.string().optional(),
  agentId: z.string().optional(),
  channelId: z.string().optional(),
  subjectId: z.string().optional(),
});
export type StreamTokenClaims = z.infer<typeof StreamTokenClaims>;

export type StreamKind = NonNullable<StreamTokenClaims['kind']>;

export interface StreamTokenRequest
  extends Omit<StreamTokenClaims, 'exp' | 'nonce' | 'sandboxGroupId' | 'kind'> {
  readonly sandboxGroupId: string;
  readonly kind: StreamKind;
}

/** What the edge that is asked knows about the stream it serves; each that is given must be the token's own. */
export type StreamScope = Partial<
  Pick<
    StreamTokenClaims,
    'workspaceId' | 'sessionId' | 'viewerId' | 'port' | 'sandboxGroupId' | 'kind' | 'agentId' | 'channelId'
  >
> & {
  /** `control` refuses a token for viewing. */
  readonly mode?: StreamTokenClaims['mode'];
  /** A token of an earlier epoch is refused: it was for a box that was replaced. */
  readonly minimumEpoch?: number;
};

/** A token and when it runs out. `ttlMs` is `STREAM_TOKEN_TTL_MS` when absent; times count in whole seconds. */
export function mintStreamToken(
  secret: string | Uint8Array,
  request: StreamTokenRequest,
  options: { readonly now?: Date | undefined; readonly ttlMs?: number | undefined } = {},
): { readonly token: string; readonly expiresAt: Date } {
  const nowMs = (options.now ?? new Date()).getTime();
  const exp = Math.floor((nowMs + (options.ttlMs ?? STREAM_TOKEN_TTL_MS)) / 1000);
  const claims = StreamTokenClaims.parse({ ...request, exp, nonce: randomBytes(12).toString('base64url') });
  return { token: signToken(PREFIX, claims, secret), expiresAt: new Date(exp * 1000) };
}

/**
 * @throws SandboxError `denied`, whose stage says why: `token.malformed`, `token.signature`, `token.expired` or
 * `token.scope`.
 */
export function verifyStreamToken(
  secret: string | Uint8Array,
  token: string,
  scope: StreamScope,
  now: Date = new Date(),
): StreamTokenClaims {
  const claims = openToken(PREFIX, token, secret, StreamTokenClaims, now);
  const { mode, minimumEpoch, ...exact } = scope;
  for (const [name, value] of Object.entries(exact)) {
    if (value !== undefined && claims[name as keyof typeof exact] !== value) {
      throw tokenRefused('scope', `is for another ${name}`);
    }
  }
  if (mode === 'control' && claims.mode !== 'control') throw tokenRefused('scope', 'is for viewing only');
  if (minimumEpoch !== undefined && claims.leaseEpoch < minimumEpoch) {
    throw tokenRefused('scope', 'is for a box that was replaced');
  }
  return claims;
}
