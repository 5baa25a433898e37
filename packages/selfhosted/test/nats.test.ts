import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineSubjects } from '@boxyard/agent-proto';
import { ControlRequestSchema, ErrorCode } from '@boxyard/agent-proto/messages';
import { localProvider } from '@boxyard/providers-local';
import { create } from '@bufbuild/protobuf';
import { connect } from '@nats-io/transport-node';
import { startNatsServer } from '@tooling/nats-server';
import { needs } from '@tooling/system-parts';
import { describe, expect, test } from 'vitest';
import { NatsControlRpc } from '../src/index.ts';
import { NatsAgentTransport, serveBox } from '../src/server/index.ts';
import { SELF } from './served-machine.ts';

const pingOf = (nonce: bigint) =>
  create(ControlRequestSchema, { requestId: randomUUID(), op: { case: 'ping', value: { nonce } } });

describe('over a real nats-server', needs('nats-server'), () => {
  test('a machine answers where its newest instance is, and is offline when nobody serves it', async () => {
    await using nats = await startNatsServer();
    const dataDir = await mkdtemp(join(tmpdir(), 'selfhosted-'));
    const provider = localProvider({ dataDir });
    const tag = { deployment: 'test', group: 'machine', epoch: 1 };
    const box = await provider.create({ tag, environment: {} });
    const machine = { workspaceId: randomUUID(), agentId: randomUUID() };
    const instance = randomUUID();
    const requests = await connect({ servers: nats.url });
    const output = await connect({ servers: nats.url });
    const transport = new NatsAgentTransport({ agent: { ...machine, instance } });
    const letGo = await transport.use({ requests, output });
    const server = serveBox(transport, box, {
      self: { ...SELF, ...machine },
      wholeMachine: true,
      screenControl: false,
    });
    const rpc = new NatsControlRpc({
      connect: () => connect({ servers: nats.url }),
      instances: { newestInstance: () => instance },
    });
    const { rpc: subject } = machineSubjects(machine);
    const pong = await rpc.request(subject, pingOf(5n), { timeoutMs: 30_000 });
    expect(pong.result).toMatchObject({ case: 'ping', value: { nonce: 5n } });
    await server.close();
    await letGo();
    const nobody = await rpc.request(subject, pingOf(6n), { timeoutMs: 30_000 });
    // It has left this process, so it is not said that it had not.
    expect(nobody.error).toMatchObject({ code: ErrorCode.AGENT_OFFLINE, retryable: false, detail: {} });
    await Promise.all([rpc.close(), requests.close(), output.close(), box.close()]);
    await provider.destroy(box.ref);
    await rm(dataDir, { recursive: true, force: true });
  });
});

test('without a bus every machine is offline, and nothing is sent', async () => {
  const rpc = new NatsControlRpc({ connect: async () => null });
  const { rpc: subject } = machineSubjects({ workspaceId: randomUUID(), agentId: randomUUID() });
  const response = await rpc.request(subject, pingOf(1n), { timeoutMs: 30_000 });
  expect(response.error).toMatchObject({ code: ErrorCode.AGENT_OFFLINE, detail: { _never_sent: '1' } });
  await rpc.close();
});
