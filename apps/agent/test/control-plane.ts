// A control plane for agents under test: the real fleet on a real store, a real nats-server in operator mode, a real
// relay. Only the routes are written down here, as apps/api has them.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type MachineAddress, machineBase } from '@boxyard/agent-proto';
import { type AgentEvent, AgentEventSchema, HelloSchema } from '@boxyard/agent-proto/messages';
import {
  createFleet,
  createNatsOperator,
  type Fleet,
  MachineIngest,
  MachineInstances,
  natsTrustConfig,
  pingOver,
  signerOf,
} from '@boxyard/fleet';
import { deriveTokenSecret, SandboxError } from '@boxyard/sandbox-core';
import type { MachineBox, MachineBoxOptions, MachineTimings } from '@boxyard/selfhosted';
import { openTestStore } from '@boxyard/store-postgres/testing';
import { createRelay, type Relay } from '@boxyard/streaming/relay';
import { fromBinary } from '@bufbuild/protobuf';
import { encodeUser, fromSeed } from '@nats-io/jwt';
import { createUser } from '@nats-io/nkeys';
import { type CuttingProxy, cuttingProxy, startNatsServer, type TestNatsServer } from '@tooling/nats-server';
import {
  type ControlUser,
  connectAs,
  type HeardHello,
  type MachineTerms,
  openMachineOver,
  termsOf,
} from './machine-link.ts';

export interface ControlPlane extends AsyncDisposable {
  readonly url: string;
  readonly fleet: Fleet;
  readonly workspaceId: string;
  readonly nats: TestNatsServer;
  readonly tokenSecret: Uint8Array;
  readonly relayUrl: string;
  readonly relay: Relay;
  /** What agents and open machines are connected through; the registry and `hellos` hear the server itself. */
  readonly proxy: CuttingProxy;
  readonly hellos: HeardHello[];
  readonly events: AgentEvent[];
  enrollmentToken(allows?: { readonly allowScreenControl: boolean }): Promise<string>;
  /** Of the agent that said hello last. */
  openMachine(timings?: Partial<MachineTimings>, relay?: MachineBoxOptions['relay']): Promise<MachineBox>;
  /** The same for another process; it speaks to the agent that said hello last, and to no later one. */
  machineTerms(): Promise<MachineTerms>;
  /** What the registry says of it now. */
  liveness(agentId: string): Promise<string | undefined>;
  /** Cuts the connections of every agent. */
  restartNats(): Promise<void>;
  /** As the server does it: its connections are cut, and it gets no new credentials. */
  revoke(agentId: string): Promise<void>;
}

const APPROVER = 'somebody who may';

export async function startControlPlane({ jwtTtlMs = 300_000 } = {}): Promise<ControlPlane> {
  const store = await openTestStore();
  const operator = await createNatsOperator();
  const tokenSecret = deriveTokenSecret('a secret key of at least 32 characters');
  const nats = await startNatsServer({ config: await natsTrustConfig(operator) });
  const proxy = await cuttingProxy(nats.port);
  const relay = createRelay({ secret: tokenSecret });
  const address = { url: '', relayUrl: '' };
  const fleet = createFleet({
    enrollments: store.enrollments,
    registry: store.machines,
    tokenSecret,
    signer: signerOf(operator),
    jwtTtlMs,
    addresses: () => ({ publicUrl: address.url, natsUrls: [proxy.url], relayUrl: address.relayUrl }),
    ping: (machine, signal) => pingOver(() => ear)(machine, signal),
  });
  const workspace = { id: '0197a3b2-7c44-7d21-8a10-3f5e6b7c8d90', slug: 'default', createdAt: new Date() };
  await store.workspaces.create(workspace);

  const answer = async (path: string, body: never): Promise<unknown> => {
    const { exposure: _, workspaceId: __, token, ...machine } = body as Record<string, never>;
    switch (path) {
      case '/v1/enrollments/device/start': {
        const { deviceCode, userCode, ttlMs } = await fleet.devices.start(workspace.id, machine as never);
        const page = `${address.url}/enroll`;
        return {
          deviceCode,
          userCode,
          verificationUri: page,
          verificationUriComplete: `${page}?code=${userCode}`,
          intervalSeconds: 1,
          expiresInSeconds: ttlMs / 1000,
        };
      }
      case '/v1/enrollments/device/poll': {
        const polled = await fleet.devices.poll((body as { deviceCode: string }).deviceCode, () => {});
        return 'intervalMs' in polled ? { state: polled.state, intervalSeconds: 1 } : polled;
      }
      case '/v1/enrollments/token/exchange':
        return (await fleet.tokens.exchange(token ?? '', machine as never)).credentials;
      case '/v1/enrollments/refresh': {
        const { bearer, proof } = body as {
          bearer: string;
          proof?: { challenge: string; signature: string };
        };
        if (proof !== undefined)
          return { state: 'authorized', credentials: await fleet.renewal.renew(bearer, proof) };
        const { challenge, expiresAt } = await fleet.renewal.challenge(bearer);
        return { state: 'challenge', challenge, expiresAt: expiresAt.toISOString() };
      }
      default:
        return null;
    }
  };
  const server = createServer(async (request: IncomingMessage, response) => {
    try {
      const body = JSON.parse(await text(request)) as never;
      response.end(JSON.stringify(await answer(request.url ?? '', body)));
    } catch (error) {
      const refused = SandboxError.isInstance(error);
      const problem = { detail: String(error), retryable: refused && error.retryable };
      response.writeHead(refused ? 403 : 500).end(JSON.stringify(problem));
    }
  });
  relay.attach(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  address.url = `http://127.0.0.1:${port}`;
  address.relayUrl = `ws://127.0.0.1:${port}`;

  const hellos: HeardHello[] = [];
  const events: AgentEvent[] = [];
  const controlUser = async (url: string): Promise<ControlUser> => {
    const user = createUser();
    const signing = fromSeed(Buffer.from(operator.signingSeed));
    const { account } = signerOf(operator);
    const jwt = await encodeUser('control', user, signing, { issuer_account: account }, {});
    return { url, jwt, seed: Buffer.from(user.getSeed()).toString() };
  };
  const ear = await connectAs(await controlUser(nats.url));
  const ingest = new MachineIngest({
    connection: ear,
    registry: store.machines,
    instances: new MachineInstances(store.machines),
    onTrouble: (error) => void console.error(error),
  });
  await ingest.start();
  ear.subscribe('agent.*.*.connection.*.hello', {
    callback: (_, message) => {
      hellos.push({ subject: message.subject, hello: fromBinary(HelloSchema, message.data) });
    },
  });
  ear.subscribe('agent.*.*.connection.*.events', {
    callback: (_, message) => {
      events.push(fromBinary(AgentEventSchema, message.data));
    },
  });
  await ear.flush();

  return {
    url: address.url,
    relayUrl: address.relayUrl,
    relay,
    proxy,
    fleet,
    workspaceId: workspace.id,
    nats,
    tokenSecret,
    hellos,
    events,
    enrollmentToken: async ({ allowScreenControl } = { allowScreenControl: false }) =>
      (
        await fleet.tokens.create({
          workspaceId: workspace.id,
          allowScreenControl,
          uses: 1,
          ttlMs: 60_000,
          createdBy: APPROVER,
        })
      ).token,
    async openMachine(timings = {}, relay = undefined) {
      return openMachineOver({
        user: await controlUser(proxy.url),
        heard: lastHeard(hellos),
        newestInstance: (machine) => instanceOf(hellos, machine),
        timings,
        relay,
      });
    },
    machineTerms: async () => termsOf(await controlUser(proxy.url), lastHeard(hellos)),
    liveness: async (agentId) => (await fleet.machines.find(workspace.id, agentId))?.liveness,
    async restartNats() {
      await nats.kill();
      await nats.start();
    },
    async revoke(agentId) {
      const { publicKey } = (await store.enrollments.find(agentId))?.machine ?? {};
      if (publicKey === undefined) throw new Error('There is no such machine.');
      await fleet.enrollments.revoke(workspace.id, agentId);
      const now = Math.ceil(Date.now() / 1000);
      await nats.start(await natsTrustConfig(operator, { [publicKey]: now }));
    },
    async [Symbol.asyncDispose]() {
      await ingest[Symbol.asyncDispose]();
      await ear.close();
      await relay.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await proxy.close();
      await nats[Symbol.asyncDispose]();
      await store.close();
    },
  };
}

function lastHeard(hellos: ControlPlane['hellos']): HeardHello {
  const latest = hellos.at(-1);
  if (latest === undefined) throw new Error('No agent has said hello.');
  return latest;
}

function instanceOf(hellos: ControlPlane['hellos'], machine: MachineAddress): string {
  const prefix = `${machineBase(machine)}.connection.`;
  const subject = hellos.findLast((each) => each.subject.startsWith(prefix))?.subject ?? '';
  return subject.slice(prefix.length).split('.')[0] ?? '';
}
