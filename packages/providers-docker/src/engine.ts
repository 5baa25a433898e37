// The calls of the Engine API that boxes need, over its socket, and nothing of dockerode beyond this file.
import { Duplex, Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { SandboxError } from '@boxyard/sandbox-core';
import type Docker from 'dockerode';
import { engineError, isNoContainer, isNotRunning, isPaused, statusOf, textOf } from './engine-error.ts';

/** What is known of a container. */
export interface ContainerState {
  readonly id: string;
  /** The id of its image. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`. */
  readonly status: string;
  /** Its address on each network that it is attached to. */
  readonly addresses: ReadonlyMap<string, string>;
}

export interface ImageState {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface EngineState {
  /** Names one engine with its own containers, whatever socket leads to it. */
  readonly id: string;
  readonly cpus: number;
  readonly storageDriver: string;
  readonly backingFilesystem: string;
}

export interface ExecRequest {
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly user: string;
  readonly workingDir: string;
  readonly tty?: boolean;
}

/** A command in a container as the engine runs it: bound to this process, without a way back to it. */
export interface StartedExec {
  readonly id: string;
  /** Both directions; without a terminal what comes is in frames. */
  readonly stream: Duplex;
}

/** Pausing is a moment's business of somebody else; this only says when nobody will end it. */
const MOST_PAUSED_MS = 30_000;
const PAUSED_LOOK_MS = 100;
const MOST_STARTS = 3;

export class Engine {
  readonly socketPath: string;
  #docker: Promise<Docker> | null = null;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  state(): Promise<EngineState> {
    return this.ask('Asking the engine what it is', async (docker) => {
      const info = await docker.info();
      const driverStatus = (info.DriverStatus ?? []) as readonly (readonly [string, string])[];
      return {
        id: String(info.ID),
        cpus: Number(info.NCPU) || 1,
        storageDriver: String(info.Driver),
        backingFilesystem: driverStatus.find(([name]) => name === 'Backing Filesystem')?.[1] ?? '',
      };
    });
  }

  /** Null when the engine says that there is none. The name or the id. */
  find(container: string): Promise<ContainerState | null> {
    return this.ask('Looking for a container', async (docker) => {
      try {
        const found = await docker.getContainer(container).inspect();
        const networks = Object.entries(found.NetworkSettings.Networks ?? {});
        return {
          id: found.Id,
          image: found.Image,
          labels: found.Config.Labels ?? {},
          status: found.State.Status,
          addresses: new Map(
            networks.flatMap(([name, { IPAddress }]) => (IPAddress ? [[name, IPAddress] as const] : [])),
          ),
        };
      } catch (error) {
        if (isNoContainer(error)) return null;
        throw error;
      }
    });
  }

  /** The id; null when the name is taken. What the engine refuses is thrown as it came. */
  create(request: Docker.ContainerCreateOptions): Promise<string | null> {
    return this.#raw(async (docker) => {
      try {
        return (await docker.createContainer(request)).id;
      } catch (error) {
        if (statusOf(error) === 409) return null;
        throw error;
      }
    });
  }

  start(id: string): Promise<void> {
    return this.ask('Starting the box', async (docker) => {
      await docker.getContainer(id).start().catch(unless(304));
    });
  }

  /** Input and output of a container's first process, in frames; before it starts nothing of it is missed. */
  attach(id: string): Promise<Duplex> {
    return this.ask('Attaching to the box', async (docker) => {
      const every = { stdin: true, stdout: true, stderr: true };
      const stream = await docker.getContainer(id).attach({ stream: true, hijack: true, ...every });
      if (!(stream instanceof Duplex)) throw new Error('its stream goes one way only');
      // Nobody uses it before the container has started. An engine that goes away meanwhile must not end this process:
      // who uses it then finds it closed.
      stream.on('error', () => undefined);
      return stream;
    });
  }

  stop(id: string, graceSeconds: number): Promise<void> {
    return this.ask('Stopping the box', async (docker) => {
      await docker.getContainer(id).stop({ t: graceSeconds }).catch(unless(304));
    });
  }

  /** With everything that runs in it and its anonymous volumes; one that is not there is removed. */
  remove(id: string): Promise<void> {
    return this.ask('Removing the box', async (docker) => {
      await docker
        .getContainer(id)
        .remove({ force: true, v: true })
        // 409: somebody is removing it already.
        .catch(unless(404, 409));
    });
  }

  list(label: string): Promise<readonly { id: string; labels: Readonly<Record<string, string>> }[]> {
    return this.ask('Listing boxes', async (docker) => {
      const found = await docker.listContainers({ all: true, filters: { label: [label] } });
      return found.map(({ Id, Labels }) => ({ id: Id, labels: Labels ?? {} }));
    });
  }

  /** Unpacks a tar into a folder of the container, as root. */
  putArchive(id: string, path: string, tar: Buffer): Promise<void> {
    return this.ask('Preparing the box', async (docker) => {
      await docker.getContainer(id).putArchive(tar, { path });
    });
  }

  /** Null when the engine does not have it. */
  image(name: string): Promise<ImageState | null> {
    return this.ask(`Looking for the image ${name}`, async (docker) => {
      try {
        const found = await docker.getImage(name).inspect();
        return { id: found.Id, labels: found.Config?.Labels ?? {} };
      } catch (error) {
        if (statusOf(error) === 404) return null;
        throw error;
      }
    });
  }

  /** Builds an image from a tar that holds its Dockerfile; what it runs is attached to the network. */
  build(name: string, context: Buffer, network: string): Promise<void> {
    return this.ask(`Building the image ${name}`, async (docker) => {
      const output = await docker.buildImage(Readable.from([context]), {
        t: name,
        rm: true,
        forcerm: true,
        networkmode: network,
      });
      await told(docker, output);
    });
  }

  /** Asks the registry that the name says for an image. */
  pull(name: string): Promise<void> {
    return this.ask(`Pulling the image ${name}`, async (docker) => {
      await told(docker, await docker.pull(name));
    });
  }

  /** A bridge whose containers do not reach each other; made when it is missing. */
  ensureNetwork(name: string): Promise<void> {
    return this.ask(`Making the network ${name}`, async (docker) => {
      const present = await docker.getNetwork(name).inspect().catch(unless(404));
      if (present !== undefined) return;
      await docker
        .createNetwork({
          Name: name,
          Driver: 'bridge',
          CheckDuplicate: true,
          Options: { 'com.docker.network.bridge.enable_icc': 'false' },
          Labels: { 'io.boxyard.network': '1' },
        })
        .catch(unless(409));
    });
  }

  /** Being attached already is what was wanted. */
  connect(id: string, network: string): Promise<void> {
    return this.ask(`Joining the network ${network}`, async (docker) => {
      await docker
        .getNetwork(network)
        .connect({ Container: id })
        .catch((error: unknown) => {
          if (/already exists|already attached/i.test(textOf(error))) return;
          if (statusOf(error) !== 404) throw error;
          throw new SandboxError(
            'configuration',
            `Joining the network ${network} failed: the engine does not have it. Make it, or leave the setting out.`,
            { cause: error, started: 'no' },
          );
        });
    });
  }

  /**
   * Runs a command in a container that is running, or can be started again: a box that the engine's restart
   * stopped is there with its files. Waits while the container is paused.
   */
  exec(id: string, request: ExecRequest, signal?: AbortSignal): Promise<StartedExec> {
    return this.ask('Running a command in the box', async (docker) => {
      const pausedUntil = performance.now() + MOST_PAUSED_MS;
      for (let starts = 0; ; ) {
        try {
          return await startExec(docker, id, request);
        } catch (error) {
          if (signal?.aborted) throw error;
          if (isPaused(error) && performance.now() < pausedUntil) await delay(PAUSED_LOOK_MS);
          else if (isNotRunning(error) && starts++ < MOST_STARTS) {
            await docker.getContainer(id).start().catch(unless(304));
          } else throw error;
        }
      }
    });
  }

  resizeExec(execId: string, cols: number, rows: number): Promise<void> {
    return this.ask('Resizing a terminal', async (docker) => {
      await docker.getExec(execId).resize({ w: cols, h: rows });
    });
  }

  /** Null while it runs. */
  execExitCode(execId: string): Promise<number | null> {
    return this.ask('Asking how a command ended', async (docker) => {
      const { Running, ExitCode } = await docker.getExec(execId).inspect();
      return Running ? null : ExitCode;
    });
  }

  /** What `run` throws is told as an error of ours that begins with `what`. */
  async ask<T>(what: string, run: (docker: Docker) => Promise<T>): Promise<T> {
    try {
      return await this.#raw(run);
    } catch (error) {
      throw engineError(error, what, this.socketPath);
    }
  }

  async #raw<T>(run: (docker: Docker) => Promise<T>): Promise<T> {
    this.#docker ??= import('dockerode').then(
      ({ default: Client }) => new Client({ socketPath: this.socketPath }),
    );
    return run(await this.#docker);
  }
}

/** Settles when the engine has said all about a long task; rejects when one of its steps failed. */
function told(docker: Docker, output: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(
      output,
      (error) => (error ? reject(error) : resolve()),
      (step: { error?: string }) => {
        if (step.error !== undefined) reject(new Error(step.error));
      },
    );
  });
}

async function startExec(docker: Docker, id: string, request: ExecRequest): Promise<StartedExec> {
  const tty = request.tty === true;
  const exec = await docker.getContainer(id).exec({
    Cmd: [...request.argv],
    Env: [...request.env],
    User: request.user,
    WorkingDir: request.workingDir,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: tty,
  });
  return { id: exec.id, stream: await exec.start({ hijack: true, stdin: true, Tty: tty }) };
}

/** For answers that say that what was wanted is so already. */
function unless(...statuses: readonly number[]): (error: unknown) => undefined {
  return (error) => {
    if (statuses.includes(statusOf(error) ?? 0)) return undefined;
    throw error;
  };
}
