// A machine of a user as tests have it: a real key, the real routes, a real connection, and a box in memory.
import { randomUUID } from 'node:crypto';
import { Arch, Os } from '@boxyard/agent-proto/messages';
import type { MachineCredentials, PolledEnrollment, StartedEnrollment } from '@boxyard/contracts';
import { MemoryBox } from '@boxyard/sandbox-conformance';
import { NatsAgentTransport, type ServedBox, serveBox } from '@boxyard/selfhosted/server';
import { createUser, type KeyPair } from '@nats-io/nkeys';
import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { eventually } from '@tooling/eventually';
import type { ApiClient } from './raw-api.ts';

export const WORKSPACE = '/v1/workspaces/default';

export interface AskingMachine {
  readonly key: KeyPair;
  readonly started: StartedEnrollment;
}

/** What a machine says of itself, with a key of its own. */
export const describeMachine = (key: KeyPair, machineName = 'a laptop') => ({
  publicKey: key.getPublicKey(),
  os: 'linux',
  arch: 'x86_64',
  machineName,
  exposure: 'whole-machine',
  canOfferDisplay: true,
  requestsScreenControl: true,
});

/** A machine that asks to be let in to the default workspace. */
export async function startEnrollment(client: ApiClient, machineName?: string): Promise<AskingMachine> {
  const key = createUser();
  const body = { ...describeMachine(key, machineName), workspaceId: 'default' };
  const started = await client.json<StartedEnrollment>('POST', '/v1/enrollments/device/start', { body });
  return { key, started };
}

/** Asks for its credentials once somebody has approved. */
export async function collectCredentials(
  client: ApiClient,
  { started }: AskingMachine,
): Promise<MachineCredentials> {
  const { deviceCode } = started;
  const polled = await client.json<PolledEnrollment>('POST', '/v1/enrollments/device/poll', {
    body: { deviceCode },
  });
  if (polled.state === 'authorized') return polled.credentials;
  throw new Error(`The machine has no credentials: ${polled.state}.`);
}

export interface EnrolledMachine {
  readonly key: KeyPair;
  readonly credentials: MachineCredentials;
}

/** Asked, approved and provided with credentials. */
export async function enrollMachine(client: ApiClient, machineName?: string): Promise<EnrolledMachine> {
  const asking = await startEnrollment(client, machineName);
  const body = { userCode: asking.started.userCode, allowScreenControl: true };
  await client.json('POST', `${WORKSPACE}/enrollments/device/approve`, { body });
  return { key: asking.key, credentials: await collectCredentials(client, asking) };
}

/** As the machine signs a challenge. */
export const signChallenge = (key: KeyPair, challenge: string): string =>
  Buffer.from(key.sign(Buffer.from(challenge))).toString('base64url');

export interface RunningMachine {
  readonly connection: NatsConnection;
  readonly served: ServedBox;
}

/** Connects with its credentials and serves its box; resolves once the server calls it online. */
export async function runMachine(
  client: ApiClient,
  { key, credentials }: EnrolledMachine,
): Promise<RunningMachine> {
  const { workspaceId, agentId, natsUrls, natsJwt } = credentials;
  const connection = await connect({
    servers: natsUrls,
    authenticator: jwtAuthenticator(natsJwt, key.getSeed()),
    reconnect: false,
  });
  const agent = { workspaceId, agentId, instance: randomUUID() };
  const transport = new NatsAgentTransport({ agent });
  const served = serveBox(transport, new MemoryBox(), {
    self: {
      ...agent,
      agentVersion: '1.0.0',
      os: Os.LINUX,
      arch: Arch.X86_64,
      machineName: 'a laptop',
      updateChannel: 'stable',
    },
    wholeMachine: true,
    screenControl: false,
    metrics: undefined,
  });
  await transport.use({ requests: connection, output: connection });
  served.announce();
  await eventually('the machine is online', async () => (await livenessOf(client, agentId)) === 'online');
  return { connection, served };
}

/** As the list of machines tells it; null when the machine is not in it. */
export async function livenessOf(client: ApiClient, agentId: string): Promise<string | null> {
  const page = await client.json<{ items: { id: string; liveness: string }[] }>(
    'GET',
    `${WORKSPACE}/machines`,
  );
  return page.items.find(({ id }) => id === agentId)?.liveness ?? null;
}
