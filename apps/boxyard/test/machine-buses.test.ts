// Machines on a NATS that this server did not start, and a server without any.
import { createNatsOperator, type NatsOperator, natsTrustConfig, signerOf } from '@boxyard/fleet';
import { startNatsServer, type TestNatsServer } from '@tooling/nats-server';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { enrollMachine, livenessOf, runMachine, WORKSPACE } from './enrolled-machine.ts';
import { startSharedServer } from './shared-server.ts';

test('a server without machines says so, to programs and to people', async () => {
  const { client, token, stop } = await startSharedServer();
  onTestFinished(stop);
  for (const path of ['machines', 'enrollments']) {
    await expect(client.json('GET', `${WORKSPACE}/${path}`)).rejects.toMatchObject({
      status: 409,
      code: 'unsupported',
      message: expect.stringContaining('--machines'),
    });
  }
  const signedIn = await fetch(new URL('/login', client.url), {
    method: 'POST',
    headers: { origin: client.url, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ key: token }).toString(),
    redirect: 'manual',
  });
  const cookie = signedIn.headers.getSetCookie()[0]!.split(';')[0]!;
  const page = await fetch(new URL('/machines', client.url), { headers: { cookie } });
  expect([page.status, await page.text()]).toEqual([
    409,
    expect.stringContaining('Start it with --machines'),
  ]);
});

describe('machines on a NATS of the user', needs('nats-server'), () => {
  let operator: NatsOperator;
  let nats: TestNatsServer;
  beforeAll(async () => {
    operator = await createNatsOperator();
    nats = await startNatsServer({ config: await natsTrustConfig(operator) });
  });
  afterAll(() => nats?.[Symbol.asyncDispose]());

  const settings = () => {
    const { account, signingSeed } = signerOf(operator);
    return {
      BOXYARD_MACHINES: 'on',
      BOXYARD_MACHINES_NATS_URL: nats.url,
      BOXYARD_MACHINES_NATS_ACCOUNT: account,
      BOXYARD_MACHINES_NATS_SIGNING_KEY: signingSeed,
    };
  };

  test('are seen there, also when that NATS was away at the start and for a while', async () => {
    await nats.kill();
    const { client, stop } = await startSharedServer(settings());
    onTestFinished(stop);
    const machine = await enrollMachine(client);
    expect(machine.credentials.natsUrls).toEqual([nats.url]);
    await nats.start();
    const first = await runMachine(client, machine);
    await nats.kill();
    await first.served.close();
    await expect
      .poll(() => livenessOf(client, machine.credentials.agentId), { timeout: 30_000 })
      .not.toBe('online');
    await nats.start();
    const second = await runMachine(client, machine);
    await second.served.close();
    await second.connection.close();
  });

  test('need an account and its signing key', async () => {
    const { BOXYARD_MACHINES_NATS_SIGNING_KEY: _, ...half } = settings();
    await expect(startSharedServer(half)).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('BOXYARD_MACHINES_NATS_SIGNING_KEY'),
    });
  });
});
