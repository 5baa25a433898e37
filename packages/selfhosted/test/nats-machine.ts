// A machine with a real local box, its agent and a control plane, over a real nats-server.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MachineAddress } from '@boxyard/agent-proto';
import { localProvider } from '@boxyard/providers-local';
import type { Box } from '@boxyard/sandbox-core';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { MachineBox, type MachineTimings, NatsControlRpc } from '../src/index.ts';
import {
  type AgentConnections,
  NatsAgentTransport,
  type ServeBoxOptions,
  type ServedBox,
  serveBox,
} from '../src/server/index.ts';
import { SELF } from './served-machine.ts';

export interface NatsMachineOptions {
  readonly url: string;
  /** Where the agent looks for the bus, when it is not where the control plane does. */
  readonly agentUrl?: string;
  readonly policy?: Partial<ServeBoxOptions>;
}

export interface NatsMachine {
  readonly machine: MachineAddress;
  readonly local: Box;
  readonly rpc: NatsControlRpc;
  readonly dataDir: string;
  /** The agent's process, as far as there is one here: with a new one everything that it remembered is gone. */
  restartAgent(): Promise<void>;
  /** Takes a new pair of connections into use and lets go of the one before. */
  rotate(): Promise<void>;
  server(): ServedBox;
  open(timings?: Partial<MachineTimings>, over?: NatsControlRpc): MachineBox;
  newRpc(): NatsControlRpc;
  dispose(): Promise<void>;
}

const RECONNECT = {
  reconnectTimeWait: 50,
  reconnectJitter: 50,
  maxReconnectAttempts: -1,
  waitOnFirstConnect: true,
} as const;

export async function natsMachine({
  url,
  agentUrl = url,
  policy = {},
}: NatsMachineOptions): Promise<NatsMachine> {
  const dataDir = await mkdtemp(join(tmpdir(), 'selfhosted-'));
  const provider = localProvider({ dataDir });
  const tag = { deployment: 'test', group: 'machine', epoch: 1 };
  const local = await provider.create({ tag, environment: {} });
  const machine = { workspaceId: randomUUID(), agentId: randomUUID() };
  const rpcs: NatsControlRpc[] = [];
  const connections: NatsConnection[] = [];
  let instance = '';
  let agent: { transport: NatsAgentTransport; server: ServedBox; letGo: () => Promise<void> } | null = null;

  const dial = async (servers: string) => {
    const connection = await connect({ servers, ...RECONNECT });
    connections.push(connection);
    return connection;
  };
  const pair = async (): Promise<AgentConnections> => {
    const [requests, output] = await Promise.all([dial(agentUrl), dial(agentUrl)]);
    return { requests, output };
  };
  const startAgent = async () => {
    instance = randomUUID();
    const transport = new NatsAgentTransport({ agent: { ...machine, instance } });
    const server = serveBox(transport, local, {
      self: { ...SELF, ...machine },
      wholeMachine: true,
      screenControl: false,
      heartbeatMs: 0,
      ...policy,
    });
    agent = { transport, server, letGo: await transport.use(await pair()) };
  };
  const running = () => {
    if (agent === null) throw new Error('the agent does not run');
    return agent;
  };
  const newRpc = () => {
    const rpc = new NatsControlRpc({
      connect: () => connect({ servers: url, ...RECONNECT }),
      connectFrames: () => connect({ servers: url, ...RECONNECT }),
      instances: { newestInstance: () => instance },
    });
    rpcs.push(rpc);
    return rpc;
  };
  await startAgent();
  const rpc = newRpc();
  return {
    machine,
    local,
    rpc,
    dataDir,
    newRpc,
    server: () => running().server,
    restartAgent: async () => {
      const { server, letGo } = running();
      await server.close();
      await letGo();
      await startAgent();
    },
    rotate: async () => {
      const before = running();
      const letGo = await before.transport.use(await pair());
      await before.letGo();
      agent = { ...before, letGo };
    },
    open: (timings = {}, over = rpc) =>
      new MachineBox({
        rpc: over,
        frames: over,
        machine,
        hello: running().server.hello(),
        epoch: 1,
        timings,
      }),
    dispose: async () => {
      await running().server.close();
      await Promise.all(rpcs.map((one) => one.close()));
      await Promise.all(connections.map((one) => one.close()));
      await local.close();
      await provider.destroy(local.ref);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
