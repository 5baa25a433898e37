import type { AuditActor, CreatedEnrollmentToken, MachineCredentials } from '@boxyard/contracts';
import {
  type EnrollmentRecord,
  type EnrollmentStore,
  type EnrollmentTokenClaims,
  type MachineDescription,
  mintMachineToken,
} from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { CredentialMint } from './credential-mint.ts';
import { checkPublicKey } from './machine-key.ts';
import { openGenuine, RefusedCredential } from './refused-credential.ts';

/** How long a machine whose answer was lost may use its token again. */
const EXCHANGE_GRACE_MS = 60_000;

export interface TokenEnrollmentOptions {
  readonly store: EnrollmentStore;
  readonly mint: CredentialMint;
  readonly tokenSecret: string | Uint8Array;
  readonly now: () => Date;
}

/** Enrollment without anybody who looks at the machine: whoever has the token decided when it was made. */
export class TokenEnrollment {
  readonly #options: TokenEnrollmentOptions;

  constructor(options: TokenEnrollmentOptions) {
    this.#options = options;
  }

  /** @param made by which key, and what it allows. */
  async create(made: {
    readonly workspaceId: string;
    readonly createdBy: string;
    readonly allowScreenControl: boolean;
    readonly uses: number;
    readonly ttlMs: number;
  }): Promise<CreatedEnrollmentToken & { readonly id: string }> {
    const { store, tokenSecret, now } = this.#options;
    const id = uuidv7();
    const iat = Math.floor(now().getTime() / 1000);
    const exp = iat + Math.floor(made.ttlMs / 1000);
    const expiresAt = new Date(exp * 1000);
    const { workspaceId, createdBy, uses, allowScreenControl } = made;
    await store.createToken({ id, workspaceId, uses, expiresAt, createdBy });
    const claims: EnrollmentTokenClaims = {
      typ: 'enroll',
      workspaceId,
      accountId: createdBy,
      allowScreenControl,
      tokenId: id,
      uses,
      iat,
      exp,
    };
    return {
      id,
      token: mintMachineToken('enrollment', claims, tokenSecret),
      expiresAt: expiresAt.toISOString(),
      uses,
    };
  }

  /**
   * Lets the machine in and counts one use. The same machine may ask again for a minute.
   *
   * @throws RefusedCredential for a genuine token that is used up, has run out or is not on record; SandboxError
   * `denied` for any other, `invalid` for a damaged key.
   */
  async exchange(
    token: string,
    machine: MachineDescription,
  ): Promise<{
    readonly enrollment: EnrollmentRecord;
    readonly credentials: MachineCredentials;
    readonly actor: AuditActor;
  }> {
    checkPublicKey(machine.publicKey);
    const { store, mint, tokenSecret, now } = this.#options;
    const claims = openGenuine('enrollment', token, tokenSecret, whose, now());
    const { workspaceId, accountId, allowScreenControl, tokenId } = claims;
    const exchanged = await store.exchangeToken(
      tokenId,
      {
        id: uuidv7(),
        workspaceId,
        machine,
        allowScreenControl: allowScreenControl && machine.requestsScreenControl,
        approvedBy: accountId,
      },
      EXCHANGE_GRACE_MS,
    );
    if (exchanged.outcome === 'enrolled' || exchanged.outcome === 'again') {
      const { enrollment } = exchanged;
      return { enrollment, credentials: await mint.mint(enrollment), actor: whose(claims) };
    }
    throw new RefusedCredential(`The enrollment token ${WHY[exchanged.outcome]}: make a new one.`, {
      workspaceId,
      actor: whose(claims),
      fault: exchanged.outcome,
    });
  }
}

const WHY = { 'used-up': 'is used up', expired: 'has run out', unknown: 'is not on record any more' };

const whose = ({ tokenId }: EnrollmentTokenClaims): AuditActor => ({ kind: 'enrollment-token', id: tokenId });
