import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';
import { daemonOf, end, launch, pidOf } from './daemon.ts';
import { unmountNetworks } from './leftover-networks.ts';
import { mountQuotaDisk, unmountQuotaDisk } from './quota-disk.ts';

export interface TestEngineOptions {
  /** Holds images and containers across starts. */
  readonly folder: string;
  /** Puts the data on a file system on which each container can have a disk quota. */
  readonly diskQuota?: boolean;
}

/**
 * An engine that a test may stop, kill and start again. Its containers are in a network of their own, which reaches
 * nothing and which nothing reaches. Disposing stops it; its folder stays.
 */
export interface TestEngine extends AsyncDisposable {
  readonly socketPath: string;
  readonly docker: Docker;
  /** Of the daemon; null while it does not run. */
  pid(): Promise<number | null>;
  /** A former daemon of this folder is stopped first. */
  start(): Promise<void>;
  /** In order: the daemon ends its containers first. */
  stop(): Promise<void>;
  /** The daemon gets no time for anything. */
  kill(): Promise<void>;
}

/** @throws Error with the daemon's last lines when it does not start. */
export async function startTestEngine(options: TestEngineOptions): Promise<TestEngine> {
  const { folder, diskQuota = false } = options;
  const daemon = daemonOf(folder);
  const args = diskQuota ? ['--storage-driver', 'btrfs'] : [];
  const stop = async () => {
    await end(daemon, 'SIGTERM');
    if (diskQuota) await unmountQuotaDisk(daemon.dataRoot);
    await unmountNetworks(daemon.runFolder);
    await rm(daemon.runFolder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  const engine: TestEngine = {
    socketPath: daemon.socketPath,
    docker: new Docker({ socketPath: daemon.socketPath }),
    pid: () => pidOf(daemon),
    start: async () => {
      await end(daemon, 'SIGTERM');
      await mkdir(daemon.dataRoot, { recursive: true });
      if (diskQuota) await mountQuotaDisk(daemon.dataRoot, join(folder, 'disk.img'));
      // Bridges and packet filters belong to one engine of a network: a second one would take them away from it.
      await launch(daemon, { args, ownNetwork: true });
    },
    stop,
    kill: () => end(daemon, 'SIGKILL'),
    [Symbol.asyncDispose]: stop,
  };
  await engine.start();
  return engine;
}
