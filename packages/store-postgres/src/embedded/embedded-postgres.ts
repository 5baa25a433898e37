/** A real PostgreSQL as a child process of this server: its programs from npm, its data in one folder. */
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chown, readFile, rm, stat } from 'node:fs/promises';
import { join, resolve as resolvePath } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SandboxError } from '@boxyard/sandbox-core';
import { ensureCluster, postgresEnvironment, SUPERUSER } from './cluster.ts';
import { type DataFolder, InheritedPaths, openDataFolder, openSocketPath } from './data-folder.ts';
import { spawnGuarded } from './guardian.ts';
import { preparePostgresBinaries } from './postgres-binaries.ts';
import { choosePostgresUser } from './postgres-user.ts';
import { clearPreviousPostgres } from './previous-postgres.ts';
import { acquireServerLock } from './server-lock.ts';

// A start takes 0.1 s; after a kill it first replays its log.
const DEFAULT_START_DEADLINE_MS = 60_000;

// The guardian ends PostgreSQL within 5 s of being asked.
const STOP_DEADLINE_MS = 8_000;

const READY_POLL_MS = 5;

// Root's copy of the programs for a user who cannot reach the installation; survives restarts.
const DEFAULT_SHARED_DIR = '/var/cache/boxyard';

const MAX_LOG_BYTES = 10 * 1024 * 1024;

export interface EmbeddedPostgresOptions {
  /** Made when absent. Belongs to one server at a time. */
  readonly dataDir: string;
  /** How long a start may take, the replay after a crash included. Default 60 000. */
  readonly startDeadlineMs?: number;
  /** Where root keeps a copy of the programs for a user who cannot reach the installation. Default /var/cache/boxyard. */
  readonly sharedDir?: string;
  /** Default 50. */
  readonly maxConnections?: number;
  /** False gives up safety at a power cut for speed: for tests. Default true. */
  readonly durable?: boolean;
  /** Remove the whole folder when PostgreSQL ends, also when this process crashes: for tests. Default false. */
  readonly removeAtEnd?: boolean;
}

/** Where a PostgreSQL listens and as whom to speak to it. Plain JSON, good for every process of the same user. */
export interface PostgresConnection {
  /** Of the unix socket. */
  readonly path: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface EmbeddedPostgres {
  readonly connection: PostgresConnection;
  readonly dataDir: string;
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Ends it; a client that is still connected is cut off. May be called again. */
  stop(): Promise<void>;
}

/**
 * Starts it, or throws: `conflict` when another server has the folder, `configuration` when it cannot run here,
 * `timeout` when it did not come up in time.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolvePath(options.dataDir);
  try {
    const folder = await openDataFolder(dataDir);
    const lock = await acquireServerLock(folder.lock, folder.path);
    try {
      return await startLocked(folder, options, () => lock.release());
    } catch (error) {
      await lock.release();
      throw error;
    }
  } catch (error) {
    if (SandboxError.isInstance(error)) throw error;
    throw new SandboxError(
      'configuration',
      `The embedded PostgreSQL in ${dataDir} could not be started: ${String(error)}. Make the folder writable, or set BOXYARD_DATABASE_URL.`,
      { cause: error, started: 'no' },
    );
  }
}

async function startLocked(
  folder: DataFolder,
  options: EmbeddedPostgresOptions,
  releaseLock: () => Promise<void>,
): Promise<EmbeddedPostgres> {
  const durable = options.durable ?? true;
  const user = await choosePostgresUser(folder.cluster);
  const sharedDir = options.sharedDir ?? DEFAULT_SHARED_DIR;
  const binaries = await preparePostgresBinaries({ user, linksDir: folder.links, sharedDir });
  const password = await ensureCluster({ folder, binaries, user, durable });
  await clearPreviousPostgres(folder);
  if (options.removeAtEnd === true && user !== null) {
    // It is removed by the user who outlives us.
    for (const path of [folder.path, folder.links]) await chown(path, user.uid, user.gid);
  }

  const socketPath = openSocketPath(folder.cluster);
  if (socketPath === null) {
    throw new SandboxError(
      'configuration',
      `The data folder's path ${folder.path} is too long for a unix socket. Use a shorter one.`,
      { started: 'no' },
    );
  }
  const inherited = new InheritedPaths();
  let guardian: ChildProcess;
  try {
    await dropLongLog(folder.log);
    const logFd = openSync(folder.log, 'a', 0o600);
    try {
      const cluster = inherited.add(folder.cluster);
      const links = binaries.linksDir === null ? null : inherited.add(binaries.linksDir);
      guardian = spawnGuarded({
        command: [binaries.postgres, '-D', cluster, ...settings(options.maxConnections ?? 50, durable)],
        user,
        env: postgresEnvironment(links),
        logFd,
        inherited: inherited.descriptors,
        removeAtEnd: options.removeAtEnd === true ? folder.path : null,
      });
    } finally {
      closeSync(logFd);
    }
  } catch (error) {
    socketPath.close();
    throw error;
  } finally {
    inherited.close();
  }
  let spawnError: Error | undefined;
  const ended = new Promise<void>((resolve) => {
    guardian.once('error', (error) => {
      spawnError = error;
      resolve();
    });
    guardian.once('close', () => resolve());
  }).then(() => socketPath.close());
  const stop = async () => {
    guardian.ref();
    guardian.stdin?.destroy();
    if (!(await within(ended, STOP_DEADLINE_MS))) {
      throw new SandboxError(
        'timeout',
        `The embedded PostgreSQL in ${folder.path} did not end. Look at ${folder.log}.`,
      );
    }
    // Nothing, unless somebody killed the guardian.
    await clearPreviousPostgres(folder);
    await releaseLock();
  };
  try {
    await becomeReady(folder, ended, options.startDeadlineMs ?? DEFAULT_START_DEADLINE_MS);
  } catch (error) {
    await stop();
    if (spawnError === undefined) throw error;
    throw new SandboxError(
      'configuration',
      `The embedded PostgreSQL could not be started${user === null ? '' : ` as user ${user.name}`}: ${spawnError.message}. Allow it, or set BOXYARD_DATABASE_URL.`,
      { cause: spawnError, started: 'no' },
    );
  }
  // The server's own work decides how long it lives; the guardian notices when it ends.
  guardian.unref();
  (guardian.stdin as { unref?(): void } | null)?.unref?.();
  return {
    connection: { path: socketPath.path, user: SUPERUSER, password, database: 'postgres' },
    dataDir: folder.path,
    ended,
    stop,
  };
}

/** Small, because a laptop runs it beside everything else; the defaults are for a machine of its own. */
function settings(maxConnections: number, durable: boolean): string[] {
  const values: Record<string, string | number> = {
    listen_addresses: '',
    // Relative to the cluster, where PostgreSQL works.
    unix_socket_directories: '.',
    unix_socket_permissions: '0700',
    max_connections: maxConnections,
    shared_buffers: '32MB',
    max_wal_size: '256MB',
    min_wal_size: '32MB',
    // Nobody replicates from it.
    wal_level: 'minimal',
    max_wal_senders: 0,
    max_logical_replication_workers: 0,
    log_checkpoints: 'off',
    max_worker_processes: 2,
    max_parallel_workers_per_gather: 0,
    io_method: 'sync',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(durable
      ? {}
      : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', autovacuum: 'off' }),
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** PostgreSQL writes its state into line 8 of postmaster.pid. */
async function becomeReady(folder: DataFolder, ended: Promise<void>, deadlineMs: number): Promise<void> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const end = performance.now() + deadlineMs;
  for (;;) {
    const lines = (await readFile(join(folder.cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split(
      '\n',
    );
    if (lines[7]?.trim() === 'ready') return;
    if (over) {
      throw new SandboxError(
        'configuration',
        `The embedded PostgreSQL in ${folder.path} ended while it was starting: ${await lastLines(folder.log)}. Repair what it names, or set BOXYARD_DATABASE_URL.`,
      );
    }
    if (performance.now() > end) {
      throw new SandboxError(
        'timeout',
        `The embedded PostgreSQL in ${folder.path} was not ready after ${deadlineMs} ms. Look at ${folder.log} and start again.`,
        { retryable: true },
      );
    }
    await delay(READY_POLL_MS);
  }
}

async function within(promise: Promise<void>, deadlineMs: number): Promise<boolean> {
  const waited = new AbortController();
  try {
    return await Promise.race([
      promise.then(() => true),
      delay(deadlineMs, false, { signal: waited.signal }),
    ]);
  } finally {
    waited.abort();
  }
}

async function lastLines(log: string): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-5).join(' | ') || 'it logged nothing';
}

async function dropLongLog(log: string): Promise<void> {
  const entry = await stat(log).catch(() => null);
  if (entry !== null && entry.size > MAX_LOG_BYTES) await rm(log);
}
