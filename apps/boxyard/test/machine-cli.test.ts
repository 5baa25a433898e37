import { readdir, readFile } from 'node:fs/promises';
import type { MachineCredentials } from '@boxyard/contracts';
import { createUser } from '@nats-io/nkeys';
import { eventually } from '@tooling/eventually';
import { needs } from '@tooling/system-parts';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Outcome, runCommandLine } from './command-line.ts';
import { collectCredentials, describeMachine, runMachine, startEnrollment } from './enrolled-machine.ts';
import { launchServer, type ServerProcess, temporaryDataDir } from './test-server.ts';

describe('machines from the command line', needs('nats-server'), () => {
  test('a server with machines lets one in, lists it, revokes it, and has one nats-server also after a crash', async () => {
    const dataDir = await temporaryDataDir();
    const start = async (): Promise<ServerProcess> => {
      const server = await launchServer(dataDir, { BOXYARD_MACHINES_NATS_PORT: '0' }, ['--machines']);
      onTestFinished(server.kill);
      return server;
    };
    const natsServers = async () =>
      (await commandLines()).filter((line) => line.includes(`${dataDir}/nats/`));
    const boxyard = (server: ServerProcess, ...words: string[]): Promise<Outcome> =>
      runCommandLine(words, { BOXYARD_URL: server.url, BOXYARD_TOKEN: server.token }, '');

    const first = await start();
    expect(await natsServers()).toHaveLength(1);
    const asking = await startEnrollment(first.client, 'a laptop');
    const { userCode } = asking.started;
    const enrolled = await boxyard(first, 'machine', 'enroll', userCode, '--screen-control');
    expect(enrolled).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^let in a laptop: [0-9a-f-]{36}\n$/),
    });
    const credentials = await collectCredentials(first.client, asking);
    expect(credentials.consentedScreenControl).toBe(true);

    const { stdout: token } = await boxyard(first, 'machine', 'enroll', '--uses', '2');
    const body = { ...describeMachine(createUser(), 'a build server'), token: token.trim() };
    await first.client.json<MachineCredentials>('POST', '/v1/enrollments/token/exchange', { body });

    await first.kill();
    const second = await start();
    expect(await natsServers()).toHaveLength(1);
    const { connection, served } = await runMachine(second.client, { key: asking.key, credentials });
    const listed = await boxyard(second, 'machine', 'list');
    expect(listed.stdout).toMatch(/a build server +linux +x86_64 +offline/);
    expect(listed.stdout).toMatch(/a laptop +linux +x86_64 +online/);

    expect(await boxyard(second, 'machine', 'revoke', credentials.agentId)).toMatchObject({ code: 0 });
    expect(String(await connection.closed())).toMatch(/revoked/i);
    await served.close();
    expect((await boxyard(second, 'machine', 'list', '-o', 'json')).stdout).not.toContain(
      credentials.agentId,
    );
    await second.terminate();
    await eventually('the nats-server has ended', async () => (await natsServers()).length === 0);
  });
});

/** Of every process of this host. */
async function commandLines(): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
  return (await Promise.all(lines)).filter((line) => line.startsWith('nats-server'));
}
