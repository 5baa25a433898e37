/**
 * The layout of an embedded PostgreSQL's data folder, and how a user who cannot enter it works in it: through
 * descriptors that we opened. On Linux `/proc/self/fd/N` leads to the folder itself, whatever lies above it and
 * however long its path is.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

const throughDescriptors = process.platform === 'linux';

/** Of `sockaddr_un`: 108 bytes on Linux, 104 on macOS, the last of them a NUL. */
const MAX_SOCKET_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

export const SOCKET_NAME = '.s.PGSQL.5432';

export interface DataFolder {
  readonly path: string;
  readonly cluster: string;
  /** Where a first start builds the cluster; it becomes `cluster` when it is whole. */
  readonly newCluster: string;
  readonly links: string;
  readonly lock: string;
  readonly log: string;
  readonly password: string;
}

export async function openDataFolder(path: string): Promise<DataFolder> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  // It may have been there already, open to others.
  await chmod(path, 0o700);
  return {
    path,
    cluster: join(path, 'cluster'),
    newCluster: join(path, 'cluster.new'),
    links: join(path, 'lib'),
    lock: join(path, 'server.lock'),
    log: join(path, 'postgres.log'),
    password: join(path, 'password'),
  };
}

/** Folders and files opened by us and handed to a child; closed by us once it has them. */
export class InheritedPaths {
  readonly #descriptors: number[] = [];

  get descriptors(): readonly number[] {
    return this.#descriptors;
  }

  /** What the child calls this path. */
  add(path: string): string {
    if (!throughDescriptors) return path;
    this.#descriptors.push(openSync(path, constants.O_RDONLY));
    return `/proc/self/fd/${2 + this.#descriptors.length}`;
  }

  close(): void {
    for (const descriptor of this.#descriptors.splice(0)) closeSync(descriptor);
  }
}

/**
 * A path to the cluster's socket that fits. The long way round goes through a descriptor of this process, so any
 * process of the same user can use it, as long as this one lives.
 */
export function openSocketPath(cluster: string): { readonly path: string; close(): void } | null {
  const direct = join(cluster, SOCKET_NAME);
  if (Buffer.byteLength(direct) <= MAX_SOCKET_PATH_BYTES) return { path: direct, close: () => {} };
  if (!throughDescriptors) return null;
  const descriptor = openSync(cluster, constants.O_RDONLY);
  return {
    path: `/proc/${process.pid}/fd/${descriptor}/${SOCKET_NAME}`,
    close: () => closeSync(descriptor),
  };
}
