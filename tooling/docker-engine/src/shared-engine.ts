// One engine for all test files that want one at the same time: starting a daemon is cheap, making images is not.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import lockfile from 'proper-lockfile';
import { type BaseImage, IMAGE_NAMES, provideImage } from './base-images.ts';
import { type Daemon, daemonOf, end, launch, pidOf } from './daemon.ts';

export interface SharedEngineOptions {
  /** What the tests need; made once and kept in the engine's folder. */
  readonly images?: readonly BaseImage[];
}

/** Disposing lets go of it; who lets go last stops it. */
export interface SharedEngine extends AsyncDisposable {
  readonly socketPath: string;
  readonly docker: Docker;
  /** Names, also of images that were not asked for. */
  readonly images: Readonly<Record<BaseImage, string>>;
}

/** Making an image may take as long as its download. */
const LOCK_WAIT = { retries: { retries: 3_000, factor: 1, minTimeout: 200, maxTimeout: 200 }, stale: 15_000 };

/**
 * The engine that all tests of this machine share, started when nobody has it yet.
 * `BOXYARD_TEST_DOCKER_SOCKET` names the socket of a running one to use instead; it is never stopped.
 */
export async function sharedTestEngine({ images = [] }: SharedEngineOptions = {}): Promise<SharedEngine> {
  const given = process.env.BOXYARD_TEST_DOCKER_SOCKET;
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'boxyard', 'test-engine');
  const holders = join(folder, 'holders');
  await mkdir(holders, { recursive: true });
  const daemon = daemonOf(folder);
  const socketPath = given ?? daemon.socketPath;
  const docker = new Docker({ socketPath });
  // Its name is its process, so that a killed test run does not hold the engine for ever.
  const holder = join(holders, `${process.pid}.${randomUUID()}`);

  await locked(folder, async () => {
    if (given === undefined) {
      if ((await pidOf(daemon)) === null) await launch(daemon);
      await writeFile(holder, '');
    }
    for (const image of images) await provideImage(docker, image);
  });

  const release = () =>
    locked(folder, async () => {
      await rm(holder, { force: true });
      if (given === undefined && !(await isHeld(holders))) await stopEngine(daemon, docker);
    });
  return { socketPath, docker, images: IMAGE_NAMES, [Symbol.asyncDispose]: release };
}

async function isHeld(holders: string): Promise<boolean> {
  for (const name of await readdir(holders)) {
    const pid = name.slice(0, name.indexOf('.'));
    const runs = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null);
    if (runs !== null) return true;
    await rm(join(holders, name), { force: true });
  }
  return false;
}

/** Containers that a killed test run left behind go too: they would be there again at the next start. */
async function stopEngine(daemon: Daemon, docker: Docker): Promise<void> {
  for (const { Id } of await docker.listContainers({ all: true })) {
    await docker.getContainer(Id).remove({ force: true, v: true });
  }
  await end(daemon, 'SIGTERM');
  await rm(daemon.runFolder, { recursive: true, force: true });
}

async function locked<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const release = await lockfile.lock(folder, LOCK_WAIT);
  try {
    return await work();
  } finally {
    await release();
  }
}
