import { randomBytes } from 'node:crypto';
import type { AuditActor, MachineCredentials } from '@boxyard/contracts';
import {
  type EnrollmentRecord,
  type EnrollmentStore,
  type MachineBearerClaims,
  type MachineChallengeClaims,
  mintMachineToken,
  openMachineToken,
} from '@boxyard/sandbox-core';
import type { CredentialMint } from './credential-mint.ts';
import { isSignedBy } from './machine-key.ts';
import { openGenuine, type RefusalOptions, RefusedCredential } from './refused-credential.ts';

/** The machine signs at once; what takes longer is somebody else with a copy. */
const CHALLENGE_TTL_MS = 60_000;

export interface CredentialRenewalOptions {
  readonly store: EnrollmentStore;
  readonly mint: CredentialMint;
  readonly tokenSecret: string | Uint8Array;
  readonly now: () => Date;
}

export interface RenewalProof {
  readonly challenge: string;
  /** ed25519, of the challenge's characters, in base64url. */
  readonly signature: string;
}

/** New credentials for a machine that proves that it still has its key. */
export class CredentialRenewal {
  readonly #options: CredentialRenewalOptions;

  constructor(options: CredentialRenewalOptions) {
    this.#options = options;
  }

  /** What the machine is to sign. @throws as `renew`. */
  async challenge(bearer: string): Promise<{ readonly challenge: string; readonly expiresAt: Date }> {
    const { tokenSecret, now } = this.#options;
    const at = now();
    const { agentId } = await this.#openBearer(bearer, at);
    const exp = Math.floor((at.getTime() + CHALLENGE_TTL_MS) / 1000);
    const claims = { agentId, issuedAtMs: at.getTime(), nonce: randomBytes(18).toString('base64url'), exp };
    return {
      challenge: mintMachineToken('challenge', claims, tokenSecret),
      expiresAt: new Date(exp * 1000),
    };
  }

  /**
   * Uses up the challenge and the bearer before the last one.
   *
   * @throws RefusedCredential when the bearer is genuine and the machine is revoked, its bearer or challenge was
   * used before or has run out, or the signature is not of its key; SandboxError `denied` for a forged bearer.
   */
  async renew(bearer: string, proof: RenewalProof): Promise<MachineCredentials> {
    const { store, mint, now } = this.#options;
    const at = now();
    const claims = await this.#openBearer(bearer, at);
    const { issuedAtMs } = this.#openChallenge(proof.challenge, claims, at);
    if (!isSignedBy(claims.enrollment.machine.publicKey, proof.challenge, proof.signature)) {
      throw refused(claims, 'unproven', 'The challenge was not signed with the key of this machine');
    }
    const { credentialGeneration: generation, agentId } = claims;
    const renewed = await store.refresh(agentId, { generation, challengedAtMs: issuedAtMs });
    if (renewed.outcome === 'refreshed') return mint.mint(renewed.enrollment);
    if (renewed.outcome === 'replayed') {
      throw refused(claims, 'replayed', 'The bearer or the challenge was used before', true);
    }
    throw refused(claims, renewed.outcome, 'The machine is not enrolled any more');
  }

  async #openBearer(
    bearer: string,
    now: Date,
  ): Promise<MachineBearerClaims & { readonly enrollment: EnrollmentRecord }> {
    const { store, tokenSecret } = this.#options;
    const claims = openGenuine('bearer', bearer, tokenSecret, whose, now);
    const enrollment = await store.find(claims.agentId);
    if (enrollment === null || enrollment.workspaceId !== claims.workspaceId) {
      throw refused(claims, 'unknown', 'The machine is not enrolled here');
    }
    if (enrollment.state === 'revoked') throw refused(claims, 'revoked', 'The machine was revoked');
    return { ...claims, enrollment };
  }

  #openChallenge(challenge: string, bearer: MachineBearerClaims, now: Date): MachineChallengeClaims {
    const { tokenSecret } = this.#options;
    try {
      return openMachineToken('challenge', challenge, tokenSecret, {
        now,
        scope: { agentId: bearer.agentId },
      });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw refused(bearer, 'scope', 'The challenge is not one of this machine, or has run out', true);
    }
  }
}

const whose = ({ agentId }: MachineBearerClaims): AuditActor => ({ kind: 'machine', id: agentId });

const refused = (
  claims: MachineBearerClaims,
  fault: RefusalOptions['fault'],
  why: string,
  retryable = false,
): RefusedCredential =>
  new RefusedCredential(`${why}. ${retryable ? 'Ask for a new challenge.' : 'Enroll it again.'}`, {
    workspaceId: claims.workspaceId,
    actor: whose(claims),
    fault,
    retryable,
  });
