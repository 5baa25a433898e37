import type { AuditActor } from '@boxyard/contracts';
import {
  type MachineTokenClaims,
  type MachineTokenKind,
  openMachineToken,
  SandboxError,
} from '@boxyard/sandbox-core';

export interface RefusalOptions {
  /** Whose audit it belongs in. */
  readonly workspaceId: string;
  readonly actor: AuditActor;
  /** Behind `token.` in the stage of the error. */
  readonly fault: 'expired' | 'scope' | 'replayed' | 'revoked' | 'used-up' | 'unproven' | 'unknown';
  readonly retryable?: boolean;
}

/**
 * A token that was signed here and opens nothing any more, or not here. Because it is genuine it is known whose it
 * was, so the refusal is written down; a forged one says nothing and is not.
 */
export class RefusedCredential extends SandboxError {
  readonly workspaceId: string;
  readonly actor: AuditActor;

  constructor(message: string, { workspaceId, actor, fault, retryable = false }: RefusalOptions) {
    super('denied', message, { stage: `token.${fault}`, started: 'no', retryable });
    this.workspaceId = workspaceId;
    this.actor = actor;
  }
}

/**
 * The claims of a genuine token.
 *
 * @throws RefusedCredential when it has run out, SandboxError `denied` when it was not signed here.
 */
export function openGenuine<Kind extends 'bearer' | 'enrollment'>(
  kind: Kind,
  token: string,
  secret: string | Uint8Array,
  whose: (claims: MachineTokenClaims<Kind>) => AuditActor,
  now: Date,
): MachineTokenClaims<Kind> {
  // At the beginning of time nothing has run out: what is left to be wrong is the signature.
  const claims = openMachineToken<MachineTokenKind & Kind>(kind, token, secret, { now: new Date(0) });
  if (claims.exp >= Math.floor(now.getTime() / 1000)) return claims;
  throw new RefusedCredential('The token has run out: enroll the machine again.', {
    workspaceId: claims.workspaceId,
    actor: whose(claims),
    fault: 'expired',
  });
}
