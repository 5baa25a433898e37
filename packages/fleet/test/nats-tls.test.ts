// A nats-server of our own with TLS: nobody is let in without, and this host reaches it by whatever address it has.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from '@nats-io/transport-node';
import { needs } from '@tooling/system-parts';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ControlConnection } from '../src/control-connection.ts';
import { createControlUser } from '../src/control-user.ts';
import { createNatsOperator, type NatsOperator, signerOf } from '../src/nats-operator.ts';
import { OwnNatsServer } from '../src/own-nats-server.ts';
import { connectMachine } from './machine-connection.ts';

const run = promisify(execFile);
const NAME = 'boxyard.example';

describe('the NATS server of a control plane, on a network', needs('nats-server', 'openssl'), () => {
  let operator: NatsOperator;
  beforeAll(async () => {
    operator = await createNatsOperator();
  });

  async function newFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'boxyard-nats-tls-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return folder;
  }

  /** Issued by somebody whom only `caFile` names. */
  async function makeCertificate() {
    const folder = await newFolder();
    const file = (name: string) => join(folder, name);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const caArgs = ['-x509', '-subj', '/CN=an issuer', '-keyout', file('ca.key'), '-out', file('ca.pem')];
    await run('openssl', ['req', ...key, ...caArgs]);
    const issued = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-addext', `subjectAltName=DNS:${NAME}`];
    const own = ['-x509', '-subj', `/CN=${NAME}`, '-keyout', file('key.pem'), '-out', file('cert.pem')];
    await run('openssl', ['req', ...key, ...own, ...issued]);
    return { certFile: file('cert.pem'), keyFile: file('key.pem'), caFile: file('ca.pem') };
  }

  test('is dialled by machines under a name of its certificate only, and by its own host under any', async () => {
    const { caFile, ...tls } = await makeCertificate();
    const trouble: unknown[] = [];
    const server = await OwnNatsServer.start({
      folder: await newFolder(),
      operator,
      host: '0.0.0.0',
      port: 0,
      tls,
      onTrouble: (error) => void trouble.push(error),
    });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const signer = signerOf(operator);

    // Nothing resolves that name here: the client is told to expect it.
    const url = `tls://localhost:${server.port}`;
    const named = { servername: NAME };
    const machine = await connectMachine(url, signer, { tls: { ...named, caFile } });
    expect(machine.connection.isClosed()).toBe(false);
    await expect(connectMachine(url, signer, { tls: { ...named, handshakeFirst: false } })).rejects.toThrow(
      /verify|certificate/i,
    );
    await expect(connectMachine(url, signer, { tls: { caFile } })).rejects.toThrow(/altnames/i);

    await using control = new ControlConnection({
      servers: server.url,
      user: await createControlUser(signer),
      link: { tls: server.tls },
      onConnected: async () => ({ [Symbol.asyncDispose]: async () => {} }),
      onTrouble: (error) => void trouble.push(error),
    });
    await control.connected;
    expect(trouble).toEqual([]);
    const { publicKey } = machine.description;
    await server.revoke({ [publicKey]: Math.floor(Date.now() / 1000) });
    expect(String(await machine.connection.closed())).toMatch(/revoked|authorization|expired/i);
  });

  test('does not start with a certificate that cannot be read, and says which settings name it', async () => {
    const tls = { certFile: '/nowhere/cert.pem', keyFile: '/nowhere/key.pem' };
    const options = { folder: await newFolder(), operator, host: '0.0.0.0', port: 0, tls };
    await expect(OwnNatsServer.start({ ...options, onTrouble: () => {} })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('BOXYARD_MACHINES_NATS_TLS_KEY'),
    });
  });

  test('a machine that expects TLS is not talked out of it', async () => {
    const clear = await OwnNatsServer.start({
      folder: await newFolder(),
      operator,
      host: '127.0.0.1',
      port: 0,
      onTrouble: () => {},
    });
    onTestFinished(() => clear[Symbol.asyncDispose]());
    const dialled = connect({ servers: `tls://localhost:${clear.port}`, tls: {}, reconnect: false });
    await expect(dialled).rejects.toThrow(/does not support 'tls'/);
  });
});
