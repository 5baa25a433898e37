import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually } from '@tooling/eventually';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { connectTo } from '../connect.ts';
import { postgresEnvironment } from './cluster.ts';
import {
  type EmbeddedPostgresOptions,
  type PostgresConnection,
  startEmbeddedPostgres,
} from './embedded-postgres.ts';
import { findNativeFolder, preparePostgresBinaries } from './postgres-binaries.ts';
import { choosePostgresUser } from './postgres-user.ts';
import { processesWorkingIn } from './process-identity.ts';

const SERVER = fileURLToPath(new URL('../../test/embedded-server.ts', import.meta.url));
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Below a folder that nobody else may enter. One that most tests share, because making a cluster takes time. */
let dataDir = '';

beforeAll(async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), 'boxyard-embedded-')), 'data');
  await chmod(dirname(dataDir), 0o700);
});

afterAll(() => rm(dirname(dataDir), { recursive: true, force: true }));

async function newFolder(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'boxyard-embedded-'));
  await chmod(parent, 0o700);
  cleanups.push(() => rm(parent, { recursive: true, force: true }));
  return join(parent, 'data');
}

async function start(folder: string, options: Partial<EmbeddedPostgresOptions> = {}) {
  const postgres = await startEmbeddedPostgres({ dataDir: folder, ...options });
  cleanups.push(() => postgres.stop());
  return postgres;
}

/** A server in a process of its own. */
async function startElsewhere() {
  const child = spawn(process.execPath, ['--conditions=@boxyard/source', SERVER, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  cleanups.push(async () => {
    child.kill('SIGKILL');
    await exited;
    await eventually(
      'PostgreSQL ends',
      async () => (await processesWorkingIn(join(dataDir, 'cluster'))).length === 0,
    );
  });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  return { connection: JSON.parse(line as string) as PostgresConnection, kill };
}

async function ask<Row>(connection: PostgresConnection, statement: string): Promise<Row[]> {
  const sql = connectTo({ connection }, { max: 1 });
  try {
    return (await sql.unsafe(statement)) as unknown as Row[];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function postmasterPid(): Promise<number> {
  return Number((await readFile(join(dataDir, 'cluster', 'postmaster.pid'), 'utf8')).split('\n', 1)[0]);
}

async function parentOf(pid: number): Promise<number> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8');
  return Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[1]);
}

describe('a data folder', () => {
  test('keeps what was stored when the server stops and starts, below a folder that others cannot enter', async () => {
    const first = await start(dataDir);
    await ask(first.connection, 'CREATE TABLE public.first AS SELECT 7 AS value');
    await first.stop();
    expect(await processesWorkingIn(join(dataDir, 'cluster'))).toEqual([]);
    const second = await start(dataDir);
    expect(await ask(second.connection, 'SELECT value FROM public.first')).toEqual([{ value: 7 }]);
    const settings = await ask<{ name: string; setting: string }>(
      second.connection,
      "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'listen_addresses') ORDER BY name",
    );
    expect(settings).toEqual([
      { name: 'fsync', setting: 'on' },
      { name: 'listen_addresses', setting: '' },
    ]);
  });

  test('may have a path of 150 characters', async () => {
    const parent = await newFolder();
    const long = join(parent, 'x'.repeat(150 - parent.length - 1));
    expect(long).toHaveLength(150);
    const postgres = await start(long, { durable: false });
    expect(await ask(postgres.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('lets nobody in without the password, and keeps that to its owner', async () => {
    const { connection } = await start(dataDir, { durable: false });
    await expect(ask({ ...connection, password: 'guessed' }, 'SELECT 1')).rejects.toMatchObject({
      code: '28P01',
    });
    expect((await stat(join(dataDir, 'password'))).mode & 0o777).toBe(0o600);
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    expect(await readFile(join(dataDir, 'cluster', 'pg_hba.conf'), 'utf8')).toBe(
      'local all all scram-sha-256\n',
    );
  });

  test('belongs to one server: a second is refused, in this process and in another', async () => {
    const first = await startElsewhere();
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('in use by another server'),
    });
    // The refused one has not touched it.
    expect(await ask(first.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await first.kill();
    await start(dataDir);
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({ code: 'conflict' });
  });

  test('of another PostgreSQL is refused by name', async () => {
    const dataDir = await newFolder();
    await mkdir(join(dataDir, 'cluster'), { recursive: true });
    await writeFile(join(dataDir, 'cluster', 'PG_VERSION'), '12\n');
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('PostgreSQL 12'),
    });
    // The lock is free again: the next message is the same one.
    await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({ code: 'configuration' });
  });
});

test('a folder that cannot be made is a matter of configuration', async () => {
  await expect(startEmbeddedPostgres({ dataDir: '/dev/null/data' })).rejects.toMatchObject({
    code: 'configuration',
    message: expect.stringMatching(/could not be started: .*ENOTDIR/),
  });
});

describe('after kill -9', () => {
  test('of the server, PostgreSQL ends by itself and the next server has everything', async () => {
    const server = await startElsewhere();
    await ask(server.connection, 'CREATE TABLE public.second AS SELECT 8 AS value');
    await server.kill();
    await eventually(
      'PostgreSQL ends',
      async () => (await processesWorkingIn(join(dataDir, 'cluster'))).length === 0,
    );
    const next = await start(dataDir);
    expect(await ask(next.connection, 'SELECT value FROM public.second')).toEqual([{ value: 8 }]);
  });

  test('of the server and its guardian, the next server ends the orphan first', async () => {
    const server = await startElsewhere();
    await ask(server.connection, 'CREATE TABLE public.third AS SELECT 9 AS value');
    const orphan = await postmasterPid();
    process.kill(await parentOf(orphan), 'SIGKILL');
    await server.kill();
    expect(await processesWorkingIn(join(dataDir, 'cluster'))).toContain(orphan);
    const next = await start(dataDir);
    expect(await postmasterPid()).not.toBe(orphan);
    expect(await ask(next.connection, 'SELECT value FROM public.third')).toEqual([{ value: 9 }]);
  });

  test('of everything, a postmaster.pid that names a living stranger is not believed', async () => {
    const first = await start(dataDir, { durable: false });
    await first.stop();
    const user = await choosePostgresUser(join(dataDir, 'cluster'));
    // PostgreSQL's own check fears a process of its own user.
    const stranger = spawn('sleep', ['600'], user === null ? {} : { uid: user.uid, gid: user.gid });
    onTestFinished(() => void stranger.kill('SIGKILL'));
    await writeFile(join(dataDir, 'cluster', 'postmaster.pid'), `${stranger.pid}\n`);
    const next = await start(dataDir, { durable: false });
    expect(await ask(next.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(stranger.exitCode).toBeNull();
  });

  test('of the guardian alone, stopping still ends PostgreSQL', async () => {
    const postgres = await start(dataDir, { durable: false });
    process.kill(await parentOf(await postmasterPid()), 'SIGKILL');
    await postgres.ended;
    await postgres.stop();
    expect(await processesWorkingIn(join(dataDir, 'cluster'))).toEqual([]);
  });

  test('of a first start, the next one begins anew', async () => {
    const dataDir = await newFolder();
    await mkdir(join(dataDir, 'cluster.new'), { recursive: true });
    await writeFile(join(dataDir, 'cluster.new', 'PG_VERSION'), '18\n');
    const postgres = await start(dataDir, { durable: false });
    expect(await ask(postgres.connection, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

test('programs that their user cannot reach are copied to where he can', async () => {
  const folder = dirname(await newFolder());
  const native = { ...(await findNativeFolder()), path: join(folder, 'native') };
  await symlink((await findNativeFolder()).path, native.path);
  const sharedDir = await mkdtemp(join(tmpdir(), 'boxyard-shared-'));
  cleanups.push(() => rm(sharedDir, { recursive: true, force: true }));
  await chmod(sharedDir, 0o755);
  const user = await choosePostgresUser(join(folder, 'none'));
  for (const _ of ['copied', 'found']) {
    const binaries = await preparePostgresBinaries({
      user,
      native,
      sharedDir,
      linksDir: join(folder, 'lib'),
    });
    if (user !== null) expect(binaries.postgres).toContain(sharedDir);
    for (const program of [binaries.postgres, binaries.initdb]) {
      const { stdout } = await promisify(execFile)(program, ['--version'], {
        cwd: '/',
        env: postgresEnvironment(binaries.linksDir),
        ...(user === null ? {} : { uid: user.uid, gid: user.gid }),
      });
      expect(stdout).toContain('PostgreSQL) 18');
    }
  }
});

test('what removes itself at its end leaves nothing', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-embedded-'));
  const postgres = await start(dataDir, { durable: false, removeAtEnd: true });
  await postgres.stop();
  await expect(stat(dataDir)).rejects.toMatchObject({ code: 'ENOENT' });
});
