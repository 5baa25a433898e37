import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { needs } from '@tooling/system-parts';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createNatsOperator, type NatsOperator, signerOf } from '../src/nats-operator.ts';
import { startNatsProcess } from '../src/nats-server-process.ts';
import { OwnNatsServer, type OwnNatsServerOptions } from '../src/own-nats-server.ts';
import { connectMachine } from './machine-connection.ts';

describe('the NATS server of a control plane', needs('nats-server'), () => {
  let operator: NatsOperator;
  beforeAll(async () => {
    operator = await createNatsOperator();
  });

  const urlOf = (server: OwnNatsServer) => `nats://127.0.0.1:${server.port}`;
  const isRunning = (pid: number) =>
    readFile(`/proc/${pid}/stat`, 'latin1').then(
      (line) => !/\) [ZX] /.test(line),
      () => false,
    );

  async function newFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'boxyard-own-nats-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return folder;
  }

  async function start(folder: string, overrides: Partial<OwnNatsServerOptions> = {}) {
    const trouble: unknown[] = [];
    const server = await OwnNatsServer.start({
      folder,
      operator,
      host: '127.0.0.1',
      port: 0,
      onTrouble: (error) => void trouble.push(error),
      ...overrides,
    });
    onTestFinished(() => server[Symbol.asyncDispose]());
    return { server, trouble };
  }

  test('lets machines in, keeps no secret in its configuration, and ends with the control plane', async () => {
    const folder = await newFolder();
    const { server, trouble } = await start(folder);
    const { connection } = await connectMachine(urlOf(server), signerOf(operator));
    const config = await readFile(join(folder, 'nats-server.conf'), 'utf8');
    for (const seed of [operator.operatorSeed, operator.accountSeed, operator.signingSeed]) {
      expect(config).not.toContain(seed);
    }
    expect((await stat(join(folder, 'nats-server.conf'))).mode & 0o777).toBe(0o600);
    const { pid } = server;
    await server[Symbol.asyncDispose]();
    expect(await isRunning(pid)).toBe(false);
    await connection.closed();
    expect(trouble).toEqual([]);
  });

  test('is started again on its port when it dies, and told about', async () => {
    const { server, trouble } = await start(await newFolder());
    const { pid, port } = server;
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => server.pid, { timeout: 30_000 }).not.toBe(pid);
    expect(server.port).toBe(port);
    expect(String(trouble[0])).toContain('ended by itself');
    const { connection } = await connectMachine(urlOf(server), signerOf(operator));
    await connection.close();
  });

  test('takes the place of one that a killed control plane left, on the same port', async () => {
    const folder = await newFolder();
    const { server: first } = await start(folder);
    await first[Symbol.asyncDispose]();
    // As the first one would have gone on: nobody in this process looks after it.
    const survivor = await startNatsProcess(folder, 'nats-server');
    onTestFinished(() => survivor.stop());
    const { server: second } = await start(folder);
    await survivor.exited;
    expect(await isRunning(survivor.pid)).toBe(false);
    expect(second.port).toBe(survivor.port);
  });

  test('moves to another port when somebody else has taken the one of the last time', async () => {
    const folder = await newFolder();
    const { server: first } = await start(folder);
    const { port } = first;
    await first[Symbol.asyncDispose]();
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(port, '127.0.0.1', resolve));
    onTestFinished(() => new Promise<void>((resolve) => void squatter.close(() => resolve())));
    const { server: second } = await start(folder);
    expect(second.port).not.toBe(port);
    await expect(start(await newFolder(), { port })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('free its port'),
    });
  });

  test('says what is missing when there is no such program', async () => {
    await expect(start(await newFolder(), { program: 'no-such-nats-server' })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('Install nats-server'),
    });
  });

  test('cuts a machine that was revoked at once, lets it in no more, and the others stay', async () => {
    const { server } = await start(await newFolder());
    const revoked = await connectMachine(urlOf(server), signerOf(operator));
    const other = await connectMachine(urlOf(server), signerOf(operator));
    const { publicKey } = revoked.description;
    await server.revoke({ [publicKey]: Math.floor(Date.now() / 1000) });
    expect(String(await revoked.connection.closed())).toMatch(/revoked|authorization|expired/i);
    const { jwt } = revoked;
    const back = connectMachine(urlOf(server), signerOf(operator), { machine: revoked, jwt });
    await expect(back).rejects.toThrow(/authorization/i);
    await other.connection.flush();
    expect(other.connection.isClosed()).toBe(false);
    await other.connection.close();
  });
});
