/** The database cluster on disk, made by the first start. It appears whole or not at all. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError } from '@boxyard/sandbox-core';
import { type DataFolder, InheritedPaths } from './data-folder.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import type { PostgresUser } from './postgres-user.ts';

const MAJOR_VERSION = '18';
export const SUPERUSER = 'boxyard';

// initdb takes half a second; this long only when the disk hangs.
const INITDB_DEADLINE_MS = 120_000;

export interface ClusterOptions {
  readonly folder: DataFolder;
  readonly binaries: PostgresBinaries;
  readonly user: PostgresUser | null;
  /** False only for data that nobody will miss after a power cut. */
  readonly durable: boolean;
}

/** The loader finds the libraries' links, and nothing else of our environment reaches PostgreSQL. */
export function postgresEnvironment(linksDir: string | null): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LC_ALL: 'C',
    TZ: 'UTC',
    ...(linksDir === null ? {} : { LD_LIBRARY_PATH: linksDir }),
  };
}

/** Makes the cluster when there is none; answers the superuser's password. */
export async function ensureCluster(options: ClusterOptions): Promise<string> {
  const { folder } = options;
  const version = await readFile(join(folder.cluster, 'PG_VERSION'), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    },
  );
  if (version === null) return createCluster(options);
  if (version.trim() !== MAJOR_VERSION) {
    throw new SandboxError(
      'configuration',
      `The data in ${folder.path} was written by PostgreSQL ${version.trim()} and this one is ${MAJOR_VERSION}. Dump it with the Boxyard that wrote it, or use another data folder.`,
      { started: 'no' },
    );
  }
  return readFile(folder.password, 'utf8');
}

async function createCluster(options: ClusterOptions): Promise<string> {
  const { folder, user } = options;
  // What an interrupted first start left behind.
  await rm(folder.newCluster, { recursive: true, force: true });
  await mkdir(folder.newCluster, { mode: 0o700 });
  const password = randomBytes(24).toString('base64url');
  await rm(folder.password, { force: true });
  await writeFile(folder.password, password, { mode: 0o600 });
  // initdb reads it as a user who may not read ours.
  const handed = `${folder.password}.initdb`;
  await rm(handed, { force: true });
  await writeFile(handed, password, { mode: 0o600 });
  try {
    if (user !== null) {
      await chown(folder.newCluster, user.uid, user.gid);
      await chown(handed, user.uid, user.gid);
    }
    await initdb(options, handed);
  } finally {
    await rm(handed, { force: true });
  }
  // No TCP, and on the socket nobody without the password, not even the user that runs it.
  await writeFile(join(folder.newCluster, 'pg_hba.conf'), 'local all all scram-sha-256\n');
  await chmod(folder.newCluster, 0o700);
  await rename(folder.newCluster, folder.cluster);
  return password;
}

async function initdb(
  { folder, binaries, user, durable }: ClusterOptions,
  passwordFile: string,
): Promise<void> {
  const inherited = new InheritedPaths();
  try {
    const args = [
      `--pgdata=${inherited.add(folder.newCluster)}`,
      `--pwfile=${inherited.add(passwordFile)}`,
      `--username=${SUPERUSER}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(durable ? [] : ['--no-sync']),
    ];
    const env = postgresEnvironment(binaries.linksDir === null ? null : inherited.add(binaries.linksDir));
    const child = spawn(binaries.initdb, args, {
      stdio: ['ignore', 'pipe', 'pipe', ...inherited.descriptors],
      cwd: '/',
      env,
      signal: AbortSignal.timeout(INITDB_DEADLINE_MS),
      ...(user === null ? {} : { uid: user.uid, gid: user.gid }),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-4_000);
      });
    }
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (exitCode !== 0) throw new Error(`initdb ended with ${exitCode}: ${output.trim()}`);
  } catch (error) {
    throw new SandboxError(
      'configuration',
      `The embedded PostgreSQL could not make its data in ${folder.path}${user === null ? '' : ` as user ${user.name}`}: ${String(error)}. Check the disk, or set BOXYARD_DATABASE_URL.`,
      { cause: error },
    );
  } finally {
    inherited.close();
  }
}
