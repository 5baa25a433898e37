import { machineBase } from '@boxyard/agent-proto';
import type { MachineCredentials } from '@boxyard/contracts';
import { type EnrollmentRecord, mintMachineToken } from '@boxyard/sandbox-core';
import type { MachineJwts } from './machine-jwt.ts';

/** A machine that was not heard of for so long has to be enrolled again. */
export const BEARER_TTL_MS = 90 * 24 * 3_600_000;
/** Twice the usual life of a JWT, with which it is renewed. */
export const RELAY_TOKEN_TTL_MS = 10 * 60_000;

/** Where machines find what they need. Asked for anew each time: a server learns its own port when it listens. */
export interface FleetAddresses {
  /** Of the pages that people open; without a slash at the end. */
  readonly publicUrl: string;
  readonly natsUrls: readonly [string, ...string[]];
  /** Null when there is no relay. */
  readonly relayUrl: string | null;
}

export interface CredentialMintOptions {
  readonly jwts: MachineJwts;
  readonly tokenSecret: string | Uint8Array;
  readonly addresses: () => FleetAddresses;
  readonly now: () => Date;
}

/** Makes everything that an enrolled machine works with. */
export class CredentialMint {
  readonly #options: CredentialMintOptions;

  constructor(options: CredentialMintOptions) {
    this.#options = options;
  }

  async mint(enrollment: EnrollmentRecord): Promise<MachineCredentials> {
    const { jwts, tokenSecret, addresses, now } = this.#options;
    const { workspaceId, id: agentId, machine, generation } = enrollment;
    const { natsUrls, relayUrl } = addresses();
    const at = now();
    const inSeconds = (ttlMs: number) => Math.floor((at.getTime() + ttlMs) / 1000);
    const subjectPrefix = machineBase({ workspaceId, agentId });
    const [bearerExp, relayExp] = [inSeconds(BEARER_TTL_MS), inSeconds(RELAY_TOKEN_TTL_MS)];
    const { jwt, expiresAt } = await jwts.mint({ workspaceId, agentId, publicKey: machine.publicKey }, at);
    const bearer = mintMachineToken(
      'bearer',
      {
        workspaceId,
        agentId,
        enrollmentId: agentId,
        subjectPrefix,
        credentialGeneration: generation,
        exp: bearerExp,
      },
      tokenSecret,
    );
    const relayToken = mintMachineToken('relay', { workspaceId, agentId, exp: relayExp }, tokenSecret);
    return {
      agentId,
      workspaceId,
      bearer,
      bearerExpiresAt: new Date(bearerExp * 1000).toISOString(),
      subjectPrefix,
      natsUrls: [...natsUrls],
      natsJwt: jwt,
      natsJwtExpiresAt: expiresAt.toISOString(),
      relayUrl,
      relayToken: relayUrl === null ? null : relayToken,
      relayTokenExpiresAt: relayUrl === null ? null : new Date(relayExp * 1000).toISOString(),
      consentedWholeMachine: true,
      consentedScreenControl: enrollment.allowScreenControl,
    };
  }
}
