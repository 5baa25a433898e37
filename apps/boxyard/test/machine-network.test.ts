// A machine in a network of its own, that only dials out: a session works on it all the same.
import { eventually } from '@tooling/eventually';
import { needs } from '@tooling/system-parts';
import { describe, expect, test } from 'vitest';
import { MachineAgent } from './machine-agent.ts';
import { canMakeNetworks, MachineNetwork } from './machine-network.ts';
import { createSession, execIn, startTravellingModel, travel, workOnMachine } from './machine-walk.ts';
import { startSharedServer } from './shared-server.ts';
import { deleteSessions } from './test-server.ts';

const needsNetworks = () => {
  const asked = needs('nats-server', 'git', 'iproute2');
  if (asked.skip === true || canMakeNetworks()) return asked;
  return { skip: true, meta: { skipReason: 'no network namespace can be made here: be root' } } as const;
};

describe('a machine behind a network of its own', needsNetworks(), () => {
  test('is enrolled and worked on without a port that it opens, and a turn goes there and back', {
    timeout: 120_000,
  }, async () => {
    await using cleanup = new AsyncDisposableStack();
    const network = cleanup.use(await MachineNetwork.open());
    const travelling = await startTravellingModel('behind a router');
    cleanup.defer(() => travelling.model.close());
    const shared = await startSharedServer({
      BOXYARD_HOST: network.ourAddress,
      // The network is a cable of this machine.
      BOXYARD_MACHINES_NATS_PLAIN: 'on',
      BOXYARD_MACHINES: 'on',
      BOXYARD_MACHINES_NATS_PORT: '0',
      BOXYARD_MODEL_BASE_URL: travelling.model.baseUrl,
      BOXYARD_MODEL: 'scripted',
    });
    cleanup.defer(() => shared.stop());
    const { client } = shared;
    const machine = cleanup.use(
      await MachineAgent.start({ client, name: 'behind a router', within: network.within }),
    );
    // While the machine is there: what runs on it ends with its sessions.
    cleanup.defer(() => deleteSessions(client));
    // From there our own loopback is another one: whatever reaches us came over the cable.
    expect(new URL(client.url).hostname).toBe(network.ourAddress);
    const id = await createSession(client, { sandbox: { machineId: machine.id } });
    await workOnMachine(client, id, machine);
    await travel(client, machine, travelling);
    expect(await network.listening(machine.pid)).toEqual([]);
    // It would be seen: what a command of the session opens there is.
    const listens = `${process.execPath} -e "require('net').createServer().listen(9, '127.0.0.1')"`;
    await execIn(client, id, listens, { background: true });
    await eventually('a port of a command', async () => (await network.listening(machine.pid)).length === 1);
  });
});
