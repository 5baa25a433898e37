// How the control plane itself signs in: as a user of the machines' account that may ask every machine, and whose
// replies come to an inbox that no machine may listen to.
import { createUser, encodeUser, fromSeed, type KeyPair, type User } from '@nats-io/jwt';
import { type Authenticator, jwtAuthenticator } from '@nats-io/transport-node';
import type { MachineJwtSigner } from './machine-jwt.ts';

/** What `connect` of the NATS client takes. */
export interface ControlUserOptions {
  readonly authenticator: Authenticator;
  readonly inboxPrefix: string;
  readonly name: string;
}

/** What the control plane may do: ask machines and hear them. @param inbox the prefix of its replies. */
export const controlPermissions = (inbox: string): Partial<User> => ({
  pub: {
    allow: ['agent.*.*.rpc', 'agent.*.*.connection.*.rpc', 'agent.*.*.connection.*.op.>'],
    deny: [],
  },
  sub: {
    allow: [
      `${inbox}.>`,
      'agent.*.*.hello',
      'agent.*.*.events',
      'agent.*.*.connection.*.hello',
      'agent.*.*.connection.*.events',
      'agent.*.*.connection.*.op.>',
    ],
    deny: [],
  },
});

/**
 * A user of this process alone: its key is drawn here and never leaves, so that its JWT need not run out and a
 * connection is not cut in the middle of a request.
 */
export async function createControlUser(signer: MachineJwtSigner): Promise<ControlUserOptions> {
  const user = createUser();
  const inboxPrefix = `_CONTROL.${user.getPublicKey()}`;
  const account: KeyPair = fromSeed(Buffer.from(signer.signingSeed, 'utf8'));
  const claims = { ...controlPermissions(inboxPrefix), issuer_account: signer.account };
  const jwt = await encodeUser('control-plane', user, account, claims);
  return { authenticator: jwtAuthenticator(jwt, user.getSeed()), inboxPrefix, name: 'boxyard control plane' };
}
