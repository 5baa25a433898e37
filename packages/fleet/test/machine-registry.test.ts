// What machines say over a real nats-server, and what the pages tell of it.
import { agentSubjects, decodeRequest, encodeResponse, machineSubjects } from '@boxyard/agent-proto';
import {
  AgentEventSchema,
  ControlResponseSchema,
  GoingOfflineReason,
  HelloSchema,
} from '@boxyard/agent-proto/messages';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { NatsConnection } from '@nats-io/transport-node';
import { startNatsServer, type TestNatsServer } from '@tooling/nats-server';
import { needs } from '@tooling/system-parts';
import { v4 as uuidv4, v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MachineIngest } from '../src/machine-ingest.ts';
import { MachineInstances } from '../src/machine-instances.ts';
import { natsTrustConfig, signerOf } from '../src/nats-operator.ts';
import { pingOver } from '../src/ping-machine.ts';
import { enroll, type FleetStage, newMachine, openFleetStage } from './fleet-stage.ts';
import { connectControlPlane, connectMachine } from './machine-connection.ts';

const FOUND = { timeout: 30_000 };

describe('the machines of a workspace', needs('nats-server'), () => {
  let stage: FleetStage;
  let server: TestNatsServer;
  let control: NatsConnection;
  let ingest: MachineIngest;
  let instances: MachineInstances;
  const dropped: string[] = [];
  const trouble: unknown[] = [];
  const connections: NatsConnection[] = [];

  beforeAll(async () => {
    stage = await openFleetStage({ ping: (machine, signal) => pingOver(() => control)(machine, signal) });
    server = await startNatsServer({ config: await natsTrustConfig(stage.operator) });
    ({ connection: control } = await connectControlPlane(server.url, signerOf(stage.operator)));
    instances = new MachineInstances(stage.store.machines);
    ingest = new MachineIngest({
      connection: control,
      registry: stage.store.machines,
      instances,
      onTrouble: (error) => void trouble.push(error),
      onDropped: (why) => void dropped.push(why),
    });
    await ingest.start();
  });
  beforeEach(async () => {
    dropped.length = 0;
    await stage.store.setClockOffset(0);
  });
  afterAll(async () => {
    await ingest?.[Symbol.asyncDispose]();
    await Promise.all([...connections, control].map((connection) => connection?.close()));
    await server?.[Symbol.asyncDispose]();
    await stage?.[Symbol.asyncDispose]();
    expect(trouble).toEqual([]);
  });

  /** An enrolled machine that is connected and serves pings. */
  async function agentOf(workspaceId: string = uuidv7(), machineName = 'a laptop') {
    const machine = newMachine({ machineName });
    const { id: agentId } = await enroll(stage, workspaceId, machine);
    const instance = uuidv4();
    const address = { workspaceId, agentId, instance };
    const subjects = agentSubjects(address);
    const { connection } = await connectMachine(server.url, signerOf(stage.operator), {
      workspaceId,
      agentId,
      machine,
    });
    connections.push(connection);
    connection.subscribe(subjects.rpc, {
      callback: (_, message) => {
        const request = decodeRequest(message.data);
        if (request?.op.case !== 'ping') return;
        const result = { case: 'ping', value: { nonce: request.op.value.nonce } } as const;
        const response = create(ControlResponseSchema, { requestId: request.requestId, result });
        message.respond(encodeResponse(response, 'ping', 1024 * 1024));
      },
    });
    await connection.flush();
    const say = (event: MessageInitShape<typeof AgentEventSchema>['event'], named = agentId) =>
      connection.publish(
        subjects.events,
        toBinary(AgentEventSchema, create(AgentEventSchema, { agentId: named, event: event! })),
      );
    const hello = (
      overrides: { agentId?: string; workspaceId?: string; agentVersion?: string } = {},
      subject = subjects.hello,
    ) =>
      connection.publish(
        subject,
        toBinary(
          HelloSchema,
          create(HelloSchema, {
            agentId,
            workspaceId,
            agentVersion: '1.2.3',
            workspaceRoot: '/home/ada',
            capabilities: { exec: true, filesystem: true, git: true, pty: true, opStream: true },
            ...overrides,
          }),
        ),
      );
    return {
      ...address,
      connection,
      hello,
      beat: (cpuPercent = 7) =>
        say({ case: 'heartbeat', value: { seq: 1n, metrics: { sampledAtMs: 1_000n, cpuPercent } } }),
      goodbye: () =>
        say({ case: 'goingOffline', value: { reason: GoingOfflineReason.USER_STOP, message: '' } }),
      beatAs: (named: string) => say({ case: 'heartbeat', value: {} }, named),
      now: async () =>
        (await stage.fleet.machines.find(workspaceId, agentId)) ?? expect.fail('The machine is unknown.'),
      liveness: async () => (await stage.fleet.machines.find(workspaceId, agentId))?.liveness,
    };
  }

  /** One that has said hello and is seen. */
  async function onlineAgent(workspaceId?: string, name?: string) {
    const agent = await agentOf(workspaceId, name);
    agent.hello();
    await expect.poll(agent.liveness, FOUND).toBe('online');
    return agent;
  }

  test('one is offline before its first hello, and online with all that it said after it', async () => {
    const agent = await agentOf();
    expect(await agent.now()).toMatchObject({ liveness: 'offline', lastSeenAt: null, swapTarget: false });
    agent.hello();
    await expect.poll(agent.liveness, FOUND).toBe('online');
    expect(await agent.now()).toMatchObject({
      name: 'a laptop',
      agentVersion: '1.2.3',
      workspaceRoot: '/home/ada',
      swapTarget: true,
      capabilities: { exec: true, opStream: true, desktop: false, display: null },
    });
    expect(await instances.newestInstance(agent)).toBe(agent.instance);
  });

  test('its heartbeats tell how busy it is', async () => {
    const agent = await onlineAgent();
    agent.beat(42);
    const samples = () => stage.fleet.machines.metrics(agent.workspaceId, agent.agentId);
    await expect
      .poll(samples, FOUND)
      .toMatchObject([{ cpuPercent: 42, sampledAt: new Date(1_000).toISOString() }]);
    expect(await agent.now()).toMatchObject({ metrics: { cpuPercent: 42 } });
    expect(await stage.fleet.machines.metrics(uuidv7(), agent.agentId)).toBeNull();
  });

  test('a goodbye is believed at once, though it still answers', async () => {
    const agent = await onlineAgent();
    agent.beat();
    agent.goodbye();
    await expect.poll(agent.liveness, FOUND).toBe('offline');
    // A later heartbeat of another one has been written: so has this one been looked at.
    agent.beat();
    await agent.connection.flush();
    const other = await onlineAgent();
    other.beat();
    const samples = () => stage.fleet.machines.metrics(other.workspaceId, other.agentId);
    await expect.poll(samples, FOUND).toHaveLength(1);
    expect(await agent.liveness()).toBe('offline');
  });

  test('one that was killed is reconnecting for ten seconds and then offline', async () => {
    const agent = await onlineAgent();
    await agent.connection.close();
    await expect.poll(agent.liveness, FOUND).toBe('reconnecting');
    await stage.store.setClockOffset(5_000);
    expect(await agent.liveness()).toBe('reconnecting');
    await stage.store.setClockOffset(11_000);
    expect(await agent.liveness()).toBe('offline');
  });

  test('one whose link hangs is reconnecting for half a minute, and slows no page down', async () => {
    const workspaceId = uuidv7();
    const silent = await onlineAgent(workspaceId, 'silent');
    for (const name of ['a', 'b']) await onlineAgent(workspaceId, name);
    await silent.connection.close();
    // It is connected and answers nothing.
    const deaf = await connectMachine(server.url, signerOf(stage.operator), {
      ...silent,
      machine: newMachine(),
    });
    connections.push(deaf.connection);
    deaf.connection.subscribe(agentSubjects(silent).rpc, { callback: () => {} });
    await deaf.connection.flush();
    await stage.store.setClockOffset(25_000);
    const listed = await stage.fleet.machines.list(workspaceId);
    expect(listed.map(({ name, liveness }) => `${name} ${liveness}`)).toEqual([
      'a online',
      'b online',
      'silent reconnecting',
    ]);
    await stage.store.setClockOffset(31_000);
    expect((await stage.fleet.machines.find(workspaceId, silent.agentId))?.liveness).toBe('offline');
  });

  test('what disagrees with its subject, or cannot be read, is dropped', async () => {
    const [agent, other] = [await agentOf(), await agentOf()];
    agent.hello({ agentId: other.agentId });
    agent.hello({ workspaceId: other.workspaceId });
    agent.beatAs(other.agentId);
    agent.connection.publish(agentSubjects(agent).hello, new Uint8Array([255, 255, 255]));
    agent.connection.publish(agentSubjects(agent).events, new Uint8Array([255, 255, 255]));
    await expect.poll(() => dropped.length, FOUND).toBe(5);
    for (const one of [agent, other]) expect(await one.now()).toMatchObject({ lastSeenAt: null });
  });

  test('one that names no process is spoken to in the base form', async () => {
    const agent = await agentOf();
    agent.hello({}, machineSubjects(agent).hello);
    await expect.poll(async () => (await agent.now()).agentVersion, FOUND).toBe('1.2.3');
    expect(await instances.newestInstance(agent)).toBeNull();
  });

  test('a revoked one is offline, has no process to speak to, and its hello changes nothing', async () => {
    const agent = await onlineAgent();
    await stage.fleet.enrollments.revoke(agent.workspaceId, agent.agentId);
    instances.forget(agent);
    expect(await agent.liveness()).toBe('offline');
    expect(await instances.newestInstance(agent)).toBeNull();
    expect(await stage.fleet.machines.list(agent.workspaceId)).toEqual([]);
  });

  test('one that floods the bus with hellos is heard now and then, and others as ever', async () => {
    const [loud, other] = [await agentOf(), await agentOf()];
    for (let n = 0; n < 500; n++) loud.hello({ agentVersion: `${n}` });
    other.hello();
    await expect.poll(other.liveness, FOUND).toBe('online');
    expect(dropped.filter((why) => why === 'too-many').length).toBeGreaterThan(400);
  });
});
