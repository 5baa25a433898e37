// One writer at a time for one name, so that a comparison of versions and the rename after it are one step.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { throwIfAborted } from '@boxyard/sandbox-core';
import { fsErrorName, type HeldFolder } from '@boxyard/sandbox-core/jailed-folder';

const waiting = new Map<string, Promise<void>>();

// The holder only hashes 8 MiB at most and renames.
const RETRY_MS = 10;

/**
 * Runs `use` while no other writer of this process is in its own `use` for the same name; with
 * `betweenProcesses`, none of another process on this machine either (Linux; elsewhere this process only).
 */
export async function withPathLock<T>(
  folder: HeldFolder,
  name: string,
  options: { readonly betweenProcesses: boolean; readonly signal: AbortSignal },
  use: () => Promise<T>,
): Promise<T> {
  // By identity: two paths may lead to one folder.
  const { dev, ino } = await stat(folder.self, { bigint: true });
  const key = `${dev}:${ino}/${name}`;
  const before = waiting.get(key);
  let letGo: () => void = () => undefined;
  const mine = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const upToMine = before === undefined ? mine : before.then(() => mine);
  waiting.set(key, upToMine);
  let server: Server | null = null;
  try {
    await before;
    throwIfAborted(options.signal, 'Waiting for another writer');
    if (options.betweenProcesses && process.platform === 'linux')
      server = await lockMachine(key, options.signal);
    return await use();
  } finally {
    server?.close();
    letGo();
    if (waiting.get(key) === upToMine) waiting.delete(key);
  }
}

/**
 * A name in the kernel's abstract socket space: given to one process only, and given back by the kernel when
 * that process dies, so there are no lock files that a crash leaves behind.
 */
async function lockMachine(key: string, signal: AbortSignal): Promise<Server> {
  const address = `\0boxyard-write-${createHash('sha256').update(key).digest('hex')}`;
  while (true) {
    const server = await listen(address);
    if (server !== null) return server;
    throwIfAborted(signal, 'Waiting for another writer');
    await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}

function listen(address: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error) => {
      if (fsErrorName(error) === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen({ path: address, exclusive: true }, () => resolve(server));
  });
}
