// Who vouches for whom at the NATS server that belongs to this control plane: an operator for its accounts, the
// account's signing key for the machines in it.
import {
  createAccount,
  createOperator,
  encodeAccount,
  encodeOperator,
  fromSeed,
  type KeyPair,
  type OperatorLimits,
} from '@nats-io/jwt';
import { z } from 'zod';
import type { MachineJwtSigner } from './machine-jwt.ts';

const seed = (prefix: string) => z.string().regex(new RegExp(`^${prefix}[A-Z2-7]{56}$`));

/** Seeds: whoever has them is every machine and the control plane. Kept in one file of mode 0600. */
export const NatsOperatorKeys = z.object({
  operator: seed('SO'),
  account: seed('SA'),
  /** Of the account: signs users, and is the only one that is needed for it. */
  signing: seed('SA'),
  systemAccount: seed('SA'),
});
export type NatsOperatorKeys = z.infer<typeof NatsOperatorKeys>;

/** New keys of everybody. */
export function createNatsOperatorKeys(): NatsOperatorKeys {
  const seedOf = (pair: KeyPair) => Buffer.from(pair.getSeed()).toString('utf8');
  return {
    operator: seedOf(createOperator()),
    account: seedOf(createAccount()),
    signing: seedOf(createAccount()),
    systemAccount: seedOf(createAccount()),
  };
}

/** Who signs for machines under these keys. */
export const signerOf = (keys: NatsOperatorKeys): MachineJwtSigner => ({
  account: publicKeyOf(keys.account),
  signingSeed: keys.signing,
});

/** Nobody in an account of ours imports, exports, or connects a server of their own. */
const LIMITS: OperatorLimits = {
  subs: -1,
  data: -1,
  payload: -1,
  conn: -1,
  leaf: 0,
  imports: 0,
  exports: 0,
  wildcards: false,
  disallow_bearer: true,
};

/** The system account as it comes: the server itself exports to it. */
const SYSTEM_LIMITS: OperatorLimits = { ...LIMITS, imports: -1, exports: -1, wildcards: true };

/** Public keys of users, and the moment (seconds since 1970) up to which what was signed for them is void. */
export type Revocations = Readonly<Record<string, number>>;

/** The account of the machines as the server is to know it. */
export function encodeMachineAccount(keys: NatsOperatorKeys, revocations: Revocations): Promise<string> {
  return encodeAccount(
    'boxyard-machines',
    publicKeyOf(keys.account),
    { limits: LIMITS, signing_keys: [publicKeyOf(keys.signing)], revocations: { ...revocations } },
    { signer: keyPair(keys.operator) },
  );
}

/** The part of a nats-server's configuration that says whom it believes. It holds no secret. */
export async function natsTrustConfig(
  keys: NatsOperatorKeys,
  revocations: Revocations = {},
): Promise<string> {
  const operator = keyPair(keys.operator);
  const systemAccount = publicKeyOf(keys.systemAccount);
  const operatorJwt = await encodeOperator('boxyard', operator, { system_account: systemAccount });
  const systemJwt = await encodeAccount(
    'SYS',
    systemAccount,
    { limits: SYSTEM_LIMITS },
    { signer: operator },
  );
  return [
    `operator: ${operatorJwt}`,
    `system_account: ${systemAccount}`,
    'resolver: MEMORY',
    'resolver_preload: {',
    `  ${publicKeyOf(keys.account)}: ${await encodeMachineAccount(keys, revocations)}`,
    `  ${systemAccount}: ${systemJwt}`,
    '}',
    '',
  ].join('\n');
}

export const keyPair = (seedText: string): KeyPair => fromSeed(Buffer.from(seedText, 'utf8'));
export const publicKeyOf = (seedText: string): string => keyPair(seedText).getPublicKey();
