// What a machine signs in at NATS with: a user of our account whose key is the machine's own. It may speak of
// nothing but itself.
import { type MachineAddress, machineBase } from '@boxyard/agent-proto';
import { encodeUser, fromSeed, type KeyPair, type User } from '@nats-io/jwt';

/** The spec of the protocol: long enough for the longest one-reply command. */
const REPLY_TTL_MS = 10 * 60_000;
const NANOSECONDS_PER_MS = 1_000_000;
/** A machine serves its subtree with a handful; one that is hostile is not to fill the server's memory. */
const MAX_SUBSCRIPTIONS = 1_000;

/** Who signs for the machines of an account. */
export interface MachineJwtSigner {
  /** Public nkey of the account (`A…`). */
  readonly account: string;
  /** Seed of the account's signing key (`SA…`). */
  readonly signingSeed: string;
}

export interface MachineJwtSubject extends MachineAddress {
  /** Public nkey of a user (`U…`). */
  readonly publicKey: string;
}

/** What the user of one machine may do. */
export function machinePermissions(machine: MachineAddress): Partial<User> {
  const prefix = machineBase(machine);
  const connection = `${prefix}.connection.*`;
  return {
    sub: { allow: [`${prefix}.>`], deny: [] },
    pub: {
      allow: [
        `${prefix}.hello`,
        `${prefix}.events`,
        `${connection}.hello`,
        `${connection}.events`,
        `${connection}.op.>`,
      ],
      deny: [],
    },
    // Answers go to the inbox of whoever asked, once; no inbox is granted by name.
    resp: { max: 1, ttl: REPLY_TTL_MS * NANOSECONDS_PER_MS },
    subs: MAX_SUBSCRIPTIONS,
    data: -1,
    payload: -1,
    bearer_token: false,
  };
}

/** Mints the JWTs of machines. */
export class MachineJwts {
  readonly #account: string;
  readonly #signer: KeyPair;
  readonly #ttlMs: number;

  /** @param ttlMs how long one opens the server, and how long a revoked machine may stay at the most. */
  constructor({ account, signingSeed }: MachineJwtSigner, ttlMs: number) {
    this.#account = account;
    this.#signer = fromSeed(Buffer.from(signingSeed, 'utf8'));
    this.#ttlMs = ttlMs;
  }

  async mint(
    subject: MachineJwtSubject,
    now: Date = new Date(),
  ): Promise<{ readonly jwt: string; readonly expiresAt: Date }> {
    const exp = Math.floor((now.getTime() + this.#ttlMs) / 1000);
    const jwt = await encodeUser(
      subject.agentId,
      subject.publicKey,
      this.#signer,
      { ...machinePermissions(subject), issuer_account: this.#account },
      { exp },
    );
    return { jwt, expiresAt: new Date(exp * 1000) };
  }
}
