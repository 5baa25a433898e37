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
const jwt = z.string().regex(/^[\w-]+\.[\w-]+\.[\w-]+$/);

/** Whoever has the seeds is every machine and the control plane: they are kept in one file of mode 0600. */
export const NatsOperator = z.object({
  operatorSeed: seed('SO'),
  accountSeed: seed('SA'),
  /** Of the account: signs users, and is the only one that is needed for it. */
  signingSeed: seed('SA'),
  /** Whoever is in it tells the server about accounts. */
  systemSeed: seed('SA'),
  operatorJwt: jwt,
  systemAccountJwt: jwt,
});
export type NatsOperator = z.infer<typeof NatsOperator>;

/** Nobody in the account of the machines imports, exports, or connects a server of their own. */
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

const SYSTEM_LIMITS: OperatorLimits = { ...LIMITS, imports: -1, exports: -1, wildcards: true };

/** New keys of everybody. */
export async function createNatsOperator(): Promise<NatsOperator> {
  const operator = createOperator();
  const system = createAccount();
  return {
    operatorSeed: seedOf(operator),
    accountSeed: seedOf(createAccount()),
    signingSeed: seedOf(createAccount()),
    systemSeed: seedOf(system),
    operatorJwt: await encodeOperator('boxyard', operator, { system_account: system.getPublicKey() }),
    systemAccountJwt: await encodeAccount('SYS', system, { limits: SYSTEM_LIMITS }, { signer: operator }),
  };
}

/** Who signs for machines under this operator. */
export const signerOf = ({ accountSeed, signingSeed }: NatsOperator): MachineJwtSigner => ({
  account: publicKeyOf(accountSeed),
  signingSeed,
});

/** Public keys of users, and the moment (seconds since 1970) up to which what was signed for them is void. */
export type Revocations = Readonly<Record<string, number>>;

/** The account of the machines, as a server is to know it. */
export function encodeMachineAccount(operator: NatsOperator, revocations: Revocations): Promise<string> {
  const signing_keys = [publicKeyOf(operator.signingSeed)];
  return encodeAccount(
    'boxyard-machines',
    publicKeyOf(operator.accountSeed),
    { limits: LIMITS, signing_keys, revocations: { ...revocations } },
    { signer: keyPair(operator.operatorSeed) },
  );
}

/** The part of a nats-server's configuration that says whom it believes. It holds no secret. */
export async function natsTrustConfig(
  operator: NatsOperator,
  revocations: Revocations = {},
): Promise<string> {
  const systemAccount = publicKeyOf(operator.systemSeed);
  return [
    `operator: ${operator.operatorJwt}`,
    `system_account: ${systemAccount}`,
    'resolver: MEMORY',
    'resolver_preload: {',
    `  ${publicKeyOf(operator.accountSeed)}: ${await encodeMachineAccount(operator, revocations)}`,
    `  ${systemAccount}: ${operator.systemAccountJwt}`,
    '}',
    '',
  ].join('\n');
}

const keyPair = (text: string): KeyPair => fromSeed(Buffer.from(text, 'utf8'));
const publicKeyOf = (text: string): string => keyPair(text).getPublicKey();
const seedOf = (pair: KeyPair): string => Buffer.from(pair.getSeed()).toString('utf8');
