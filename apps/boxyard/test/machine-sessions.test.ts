// Sessions on a machine of a user: a real server, a real nats-server, and the agent as a process of its own.
import { randomUUID } from 'node:crypto';
import { access, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { StreamKind } from '@boxyard/agent-proto/messages';
import { RelayDialler } from '@boxyard/agent-proto/relay';
import type { CapabilityDocument, SwapSandboxResponse } from '@boxyard/contracts';
import { eventually } from '@tooling/eventually';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { MachineAgent } from './machine-agent.ts';
import {
  createSession,
  execIn,
  postTo,
  readSession,
  SESSIONS,
  startTravellingModel,
  type TravellingModel,
  travel,
  workOnMachine,
} from './machine-walk.ts';
import type { ApiClient } from './raw-api.ts';
import { type SharedServer, startSharedServer } from './shared-server.ts';
import { viewerToken } from './stream-tokens.ts';
import { launchServer, temporaryDataDir } from './test-server.ts';

/** What serves on the machine; longer than all that is said around it. */
const PAGE = `from the machine ${'and so on '.repeat(10_000)}`;
const SECRET_KEY = 'what-this-server-signs-tokens-with-and-this-test-too';
const NOWHERE = '01890000-0000-7000-8000-000000000000';

describe('sessions on a machine of a user', needs('nats-server', 'git'), () => {
  let shared: SharedServer;
  let client: ApiClient;
  let machine: MachineAgent;
  let travelling: TravellingModel;
  const web = createServer((_, response) => response.end(PAGE));

  beforeAll(async () => {
    travelling = await startTravellingModel('a laptop');
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    shared = await startSharedServer({
      BOXYARD_MACHINES: 'on',
      BOXYARD_MACHINES_NATS_PORT: '0',
      BOXYARD_MODEL_BASE_URL: travelling.model.baseUrl,
      BOXYARD_MODEL: 'scripted',
      BOXYARD_SECRET_KEY: SECRET_KEY,
    });
    ({ client } = shared);
    machine = await MachineAgent.start({ client, name: 'a laptop', port: portOf() });
  }, 90_000);
  afterAll(async () => {
    // First, while the machine is there: what runs on it ends with its sessions.
    await shared?.stop();
    await machine?.[Symbol.asyncDispose]();
    await travelling?.model.close();
    web.close();
  });
  const portOf = () => (web.address() as AddressInfo).port;

  const swap = (id: string, target: unknown, more: object = {}) =>
    postTo<SwapSandboxResponse>(client, id, 'active-sandbox', { target, ...more });
  const onMachine = () => createSession(client, { sandbox: { machineId: machine.id } });
  const capabilities = (id: string) =>
    client.json<CapabilityDocument>('GET', `${SESSIONS}/${id}/stream-capabilities`);

  test('a session whose box is the machine works in its folder, and says what its owner allows', async () => {
    const id = await onMachine();
    await workOnMachine(client, id, machine);
    expect(await readSession(client, id)).toMatchObject({
      backend: 'selfhosted',
      liveness: 'warm',
      machine: { id: machine.id, liveness: 'online' },
    });
    expect(await capabilities(id)).toMatchObject({
      os: 'linux',
      FileSystem: { available: true, root: machine.home },
      Terminal: { ptyCapable: true, reason: null },
      Git: { available: true },
      ComputerUse: { available: false },
    });
  });

  test('a port that its owner lets be reached is, by way of the relay, and no other', async () => {
    const id = await onMachine();
    const expose = (port: number) => client.json<{ url: string }>('GET', `${SESSIONS}/${id}/ports/${port}`);
    const relayed = async () => {
      const text = await (await client.send('GET', '/metrics')).text();
      return Number(/^boxyard_relay_received_bytes_total (\d+)$/m.exec(text)?.[1]);
    };
    const before = await relayed();
    const { url } = await expose(portOf());
    expect(await (await fetch(url)).text()).toBe(PAGE);
    expect((await relayed()) - before).toBeGreaterThan(PAGE.length);
    const other = await expose(1);
    await expect(fetch(other.url)).rejects.toThrow();
  });

  test('sessions share the machine, and each is sent away by itself', async () => {
    const [first, second] = [await onMachine(), await createSession(client)];
    const before = await readSession(client, first);
    const { activeSandboxId, activeEpoch } = await swap(second, { machineId: machine.id });
    expect(activeSandboxId).toBe(before.sandboxGroupId);
    expect(await swap(second, { machineId: machine.id })).toMatchObject({ activeEpoch });
    await execIn(client, first, 'echo seen by both > both');
    expect(await postTo(client, second, 'fs/read', { path: 'both' })).toMatchObject({
      content: 'seen by both\n',
    });
    expect((await capabilities(second)).DesktopStream.shared).toBe(true);
    expect(await swap(second, 'home')).toMatchObject({ activeSandboxId: null });
    expect((await execIn(client, first, 'cat both')).stdout).toBe('seen by both\n');
    expect((await execIn(client, second, 'ls')).stdout).toBe('');
  });

  test('when a session goes elsewhere its streams end, and tokens of before open none', async () => {
    const [id, staying] = [await createSession(client), await createSession(client)];
    const moved = await swap(id, { machineId: machine.id });
    const stayed = await swap(staying, { machineId: machine.id });
    const { workspaceId } = await readSession(client, id);
    const channel = {
      workspaceId,
      agentId: machine.id,
      channelId: randomUUID(),
      kind: StreamKind.PTY,
      port: 7681,
    };
    const watch = (sessionId: string, leaseEpoch: number) => {
      const token = viewerToken(SECRET_KEY, { channel, sessionId, viewerId: randomUUID(), leaseEpoch });
      return new RelayDialler({
        url: client.url.replace('http', 'ws'),
        token: () => token,
        delayMs: () => 10,
      }).consume(channel);
    };
    const [gone, here] = [await watch(id, moved.activeEpoch), await watch(staying, stayed.activeEpoch)];
    await swap(id, 'home');
    expect((await gone.ended).error).toMatchObject({ code: 'fenced' });
    await expect(watch(id, moved.activeEpoch)).rejects.toMatchObject({ code: 'fenced' });
    // Whoever stays is watched on.
    expect(await Promise.race([here.ended, 'goes on'])).toBe('goes on');
    await here.close({ deadlineMs: 10 });
  });

  test(
    'a running turn goes onto it and back, and what it began at home stays there',
    { timeout: 90_000 },
    () => travel(client, machine, travelling),
  );

  test.each<[string, () => unknown, object, number, string]>([
    ['that is not there', () => ({ machineId: NOWHERE }), {}, 404, 'not-found'],
    ['with the workspace', () => ({ machineId: machine.id }), { carry: true }, 409, 'unsupported'],
    ['without saying which', () => ({ backend: 'selfhosted' }), {}, 409, 'unsupported'],
  ])('a swap to a machine %s is refused and changes nothing', async (_, target, more, status, code) => {
    const id = await createSession(client);
    await expect(swap(id, target(), more)).rejects.toMatchObject({ status, code });
    expect(await readSession(client, id)).toMatchObject({ activeSandboxId: null, liveness: 'cold' });
  });

  test('another workspace does not know it', async () => {
    const other = await client.json<{ id: string }>('POST', '/v1/workspaces', { body: { slug: 'other' } });
    const body = { sandbox: { machineId: machine.id } };
    await expect(client.json('POST', `/v1/workspaces/${other.id}/sessions`, { body })).rejects.toMatchObject({
      status: 404,
      code: 'not-found',
    });
  });

  test('its files are neither carried away nor removed with the last session', async () => {
    await writeFile(join(machine.home, 'kept'), 'of the owner');
    const id = await onMachine();
    await expect(swap(id, { backend: 'local' }, { carry: true })).rejects.toMatchObject({
      code: 'unsupported',
    });
    await execIn(client, id, 'echo more >> kept');
    await postTo(client, id, 'pause', {});
    expect((await readSession(client, id)).liveness).toBe('cold');
    expect((await execIn(client, id, 'cat kept')).stdout).toBe('of the ownermore\n');
    await client.json('DELETE', `${SESSIONS}/${id}`);
    expect((await execIn(client, await onMachine(), 'cat kept')).stdout).toBe('of the ownermore\n');
  });

  test('while its agent is away every call says so, and the session goes on when it is back', async () => {
    const id = await onMachine();
    await execIn(client, id, 'echo before > before');
    await machine.stop();
    const refused = execIn(client, id, 'echo never > never');
    await expect(refused).rejects.toMatchObject({ status: 503, code: 'unreachable' });
    expect((await readSession(client, id)).machine).toEqual({ id: machine.id, liveness: 'offline' });
    expect((await capabilities(id)).FileSystem.reason).toBe('agent_offline');
    const other = await createSession(client);
    await expect(swap(other, { machineId: machine.id })).rejects.toMatchObject({ code: 'unreachable' });
    machine.startAgain();
    await eventually('the machine is back', async () => {
      return (await readSession(client, id)).machine?.liveness === 'online';
    });
    expect((await execIn(client, id, 'cat before; ls never || true')).stdout).toBe('before\n');
    expect((await readSession(client, id)).restored).not.toMatchObject({ kind: 'INCOMPLETE' });
  });
});

test('a command on a machine runs on, once, while the server is killed and another one takes its place', {
  ...needs('nats-server'),
  timeout: 180_000,
}, async () => {
  const dataDir = await temporaryDataDir();
  const start = async () => {
    const server = await launchServer(dataDir, { BOXYARD_MACHINES_NATS_PORT: '0' }, ['--machines']);
    onTestFinished(server.kill);
    return server;
  };
  const first = await start();
  await using machine = await MachineAgent.start({ client: first.client, name: 'a build server' });
  const id = await createSession(first.client, { sandbox: { machineId: machine.id } });
  const command =
    'echo line >> lines; touch begun; while [ -e begun ] && [ ! -e go ]; do sleep 0.1; done; echo over';
  const { opId } = await execIn(first.client, id, command, { background: true, timeoutMs: 600_000 });
  await eventually('it has begun', () =>
    access(join(machine.home, 'begun')).then(
      () => true,
      () => false,
    ),
  );
  await first.kill();

  const { client, terminate } = await start();
  await eventually('the machine has found the server again', async () => {
    return (await readSession(client, id)).machine?.liveness === 'online';
  });
  await writeFile(join(machine.home, 'go'), '');
  const op = await eventually(
    'the end of the command',
    async () => {
      const found = await client.json<{ state: string; exitCode: number | null }>(
        'GET',
        `${SESSIONS}/${id}/ops/${opId}`,
      );
      return found.state === 'running' ? null : found;
    },
    { withinMs: 90_000 },
  );
  expect(op).toMatchObject({ state: 'exited', exitCode: 0 });
  expect((await execIn(client, id, command, { opId, background: true, timeoutMs: 600_000 })).opId).toBe(opId);
  expect(await readFile(join(machine.home, 'lines'), 'utf8')).toBe('line\n');
  await client.json('DELETE', `${SESSIONS}/${id}`);
  await terminate();
});
