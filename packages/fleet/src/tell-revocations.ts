// A running nats-server learns of revoked keys without being restarted or reloaded: a reload in operator mode cuts
// every client, this only whoever is revoked.
import { createUser, encodeUser, fromSeed } from '@nats-io/jwt';
import { connect, jwtAuthenticator } from '@nats-io/transport-node';
import { encodeMachineAccount, type NatsOperator, type Revocations, signerOf } from './nats-operator.ts';
import type { OwnServerTls } from './own-server-tls.ts';

const DEADLINE_MS = 5_000;
const USER_TTL_S = 60;

/**
 * Cuts who is connected with a revoked key, and lets nobody in with what was signed for it up to then.
 *
 * @throws the client's error when the server cannot be reached.
 */
export async function tellRevocations(
  { url, tls }: { readonly url: string; readonly tls?: OwnServerTls | undefined },
  operator: NatsOperator,
  revocations: Revocations,
): Promise<void> {
  const { account } = signerOf(operator);
  const subject = `$SYS.REQ.ACCOUNT.${account}.CLAIMS.UPDATE`;
  const user = createUser();
  const jwt = await encodeUser(
    'accounts',
    user,
    fromSeed(Buffer.from(operator.systemSeed, 'utf8')),
    { pub: { allow: [subject], deny: [] }, sub: { allow: ['_INBOX.>'], deny: [] } },
    { exp: Math.floor(Date.now() / 1000) + USER_TTL_S },
  );
  const connection = await connect({
    servers: url,
    ...(tls === undefined ? {} : { tls: { ...tls } }),
    authenticator: jwtAuthenticator(jwt, user.getSeed()),
    reconnect: false,
    timeout: DEADLINE_MS,
  });
  try {
    connection.publish(subject, await encodeMachineAccount(operator, revocations));
    await connection.flush();
  } finally {
    await connection.close();
  }
}
