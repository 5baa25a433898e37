import {
  available,
  BACKEND_TABLE,
  type Box,
  type BoxRef,
  type BoxWish,
  bounded,
  type CallOptions,
  type CreateBoxRequest,
  defineProvider,
  isGoneError,
  type ListedBox,
  type Provider,
  type ResumeBoxOptions,
  SandboxError,
} from '@boxyard/sandbox-core';
import { findBox, goneBox } from './absence.ts';
import { type DockerBoxOptions, stopCommands } from './box-entry.ts';
import { BoxImages, boxFolders } from './box-image.ts';
import { checkTag, containerName, GROUP_LABEL, isSameTag, tagOfLabels } from './box-labels.ts';
import { checkResources, containerRequest, WORKSPACE } from './container-request.ts';
import { nameTaken, noDiskLimit, notAllowed } from './creation-refusals.ts';
import { type ImageTools, openDockerBox } from './docker-box.ts';
import { type ContainerState, Engine, type EngineState } from './engine.ts';
import { engineError, textOf } from './engine-error.ts';
import { canEnter } from './entry-shell.ts';
import { DockerProviderOptions, engineSocket } from './options.ts';

const NAME = 'docker';
const STOP_GRACE_SECONDS = 2;
/** How long commands get to note their end before the container is stopped under them. */
const STOP_COMMANDS_MS = 10_000;
/** A container of the same name may be just being removed. */
const MOST_ATTEMPTS = 20;

type MadeContainer = Pick<ContainerState, 'id' | 'image'>;

interface EarlyBox {
  readonly box: Promise<Box>;
  readonly letGo: () => void;
}

/** What these boxes are seen to do, where that is not what the table says of the backend. */
const DESCRIPTOR: Provider['descriptor'] = {
  ...BACKEND_TABLE.docker,
  portExposure: { ...BACKEND_TABLE.docker.portExposure, supportsOnDemandPorts: true },
  // Everything in a box runs as its one user.
  supportsRunAs: false,
};

/**
 * Boxes in containers of a Docker Engine, through its API.
 *
 * @throws ZodError for options that are not valid; nothing else happens before the first call.
 */
export function dockerProvider(options: DockerProviderOptions = {}): Provider {
  const checked = DockerProviderOptions.parse(options);
  const { defaultImage, network, extraNetwork, limits, maxSpoolBytes, maxBoxSpoolBytes } = checked;
  const engine = new Engine(engineSocket(checked.socketPath));
  const images = new BoxImages(engine);
  const allowed = new Set([defaultImage, ...checked.images]);
  let known: Promise<EngineState> | null = null;
  let networkReady: Promise<void> | null = null;
  /** By image: what it offers is asked once. */
  const tools = new Map<string, ImageTools>();
  /** Whether the engine's storage can limit a container; null until it has been seen. */
  let limitsDisk: boolean | null = null;

  const state = (): Promise<EngineState> => {
    known ??= engine.state().catch((error: unknown) => {
      known = null;
      throw error;
    });
    return known;
  };
  const ensureNetwork = (): Promise<void> => {
    networkReady ??= engine.ensureNetwork(network).catch((error: unknown) => {
      networkReady = null;
      throw error;
    });
    return networkReady;
  };
  const refOf = (container: string, engineId: string): BoxRef => ({
    provider: NAME,
    instance: container,
    resume: { engine: engineId },
  });

  const accept = ({ image, resources }: BoxWish): void => {
    if (image !== undefined && !allowed.has(image)) throw notAllowed(image, allowed);
    checkResources(resources);
  };

  /** Null when the box is not there. */
  const find = async (ref: BoxRef): Promise<ContainerState | null> => {
    checkRef(ref);
    const found = await findBox(engine, ref);
    if (found === null || tagOfLabels(found.labels) !== null) return found;
    throw new SandboxError('invalid', `The container ${ref.instance} is no box of ours. Leave it alone.`, {
      started: 'no',
    });
  };

  const open = async (
    container: MadeContainer,
    call: Pick<DockerBoxOptions, 'epoch' | 'environment' | 'entry'>,
  ): Promise<Box> => {
    const { id } = await state();
    const boxOptions = {
      engine,
      ref: refOf(container.id, id),
      network,
      epoch: call.epoch,
      environment: call.environment,
      entry: call.entry,
      maxSpoolBytes,
      maxBoxSpoolBytes,
    };
    const box = await openDockerBox(boxOptions, tools.get(container.image) ?? null);
    tools.set(container.image, box.tools);
    return box;
  };

  /**
   * Opens a container that is about to start, so that its shell is up when it is. Null where the shell takes an exec
   * of the engine: of an image that nobody knows to be a full one yet.
   */
  const openEarly = async (
    container: MadeContainer,
    { tag, environment }: CreateBoxRequest,
  ): Promise<EarlyBox | null> => {
    if (tools.get(container.image)?.commands.tier !== 'full') return null;
    if (!Object.keys(environment).every(canEnter)) return null;
    const entry = await engine.attach(container.id).catch(() => null);
    if (entry === null) return null;
    const box = open(container, { epoch: tag.epoch, environment, entry });
    // Told to who waits for it, which nobody does when the container does not start.
    box.catch(() => undefined);
    return { box, letGo: () => void entry.destroy() };
  };

  /** Makes a container that was only created into a running box. Harmless when two do it at once. */
  const furnish = async (id: string, prepared: boolean): Promise<void> => {
    if (!prepared) await engine.putArchive(id, '/', await boxFolders());
    if (extraNetwork !== undefined) await engine.connect(id, extraNetwork);
    await engine.start(id);
  };

  /** The id; null when the name is taken. */
  const createContainer = async (request: CreateBoxRequest, image: string): Promise<string | null> => {
    const { tag, resources = {} } = request;
    const { cpus, storageDriver, backingFilesystem } = await state();
    // Known without trying; others say so when they are asked.
    if (storageDriver === 'overlay2' && backingFilesystem !== 'xfs') limitsDisk = false;
    const explicit = resources.diskMb;
    if (explicit !== undefined && limitsDisk === false) throw noDiskLimit(storageDriver);
    const diskMb = limitsDisk === false ? null : (explicit ?? limits.diskMb);
    const wish = { tag, image, resources, limits, network, cpus };
    try {
      return await engine.create(containerRequest({ ...wish, diskMb }));
    } catch (error) {
      const noLimit = diskMb !== null && /storage-opt|storage opt|pquota|quota/i.test(textOf(error));
      if (noLimit && explicit !== undefined) throw noDiskLimit(storageDriver, error);
      if (noLimit) {
        limitsDisk = false;
        return engine.create(containerRequest({ ...wish, diskMb: null }));
      }
      if (/no such image/i.test(textOf(error))) images.forget(image);
      throw error;
    }
  };

  const createOrAdopt = async (
    request: CreateBoxRequest,
    signal: AbortSignal,
  ): Promise<{ readonly container: MadeContainer; readonly early: EarlyBox | null }> => {
    const name = request.image ?? defaultImage;
    await ensureNetwork();
    const image = await images.ensure(name, network);
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      signal.throwIfAborted();
      const made = await createContainer(request, name).catch((error: unknown) => {
        throw engineError(error, 'Making the box', engine.socketPath);
      });
      if (made !== null) {
        const container = { id: made, image: image.id };
        const early = await openEarly(container, request);
        try {
          await furnish(made, image.prepared);
        } catch (error) {
          early?.letGo();
          // The network may have gone meanwhile. The name is taken by it, so what never ran must not stay.
          networkReady = null;
          await engine.remove(made).catch(() => undefined);
          throw error;
        }
        return { container, early };
      }
      const present = await engine.find(containerName(request.tag));
      if (present !== null && !['removing', 'dead'].includes(present.status)) {
        if (!isSameTag(tagOfLabels(present.labels), request.tag)) throw nameTaken(present.id);
        if (present.status === 'created') await furnish(present.id, image.prepared);
        else if (present.status !== 'paused') await engine.start(present.id);
        return { container: present, early: null };
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new SandboxError(
      'unreachable',
      'Making the box failed: one of the same name is being removed. Try again.',
    );
  };

  return defineProvider({
    name: NAME,
    descriptor: DESCRIPTOR,

    accept,

    workspaceRoot: () => WORKSPACE,

    create: (request: CreateBoxRequest, call?: CallOptions) =>
      bounded(call, `Making the box ${request.tag.group}`, async (signal) => {
        checkTag(request.tag);
        accept(request);
        const { container, early } = await createOrAdopt(request, signal);
        const { tag, environment } = request;
        try {
          return (
            (await early?.box.catch(unlessUnreachable)) ??
            (await open(container, { epoch: tag.epoch, environment }))
          );
        } catch (error) {
          // An image that can be no box: another try would find its container and fail as well.
          if (SandboxError.hasCode(error, 'unsupported'))
            await engine.remove(container.id).catch(() => undefined);
          throw error;
        }
      }),

    resume: (ref: BoxRef, call: ResumeBoxOptions) =>
      bounded(call, `Finding the box ${ref.instance}`, async () => {
        const found = await find(ref);
        if (found === null) throw goneBox(ref);
        // Stopped by parking, by a restart of the engine, or by somebody else: its files are there.
        if (!['running', 'paused'].includes(found.status))
          await furnish(found.id, found.status !== 'created');
        return open(found, call);
      }),

    destroy: (ref: BoxRef, call?: CallOptions) =>
      bounded(call, `Destroying the box ${ref.instance}`, async () => {
        const found = await find(ref);
        if (found === null) return;
        await engine.remove(found.id);
        // A removal that somebody else has begun is waited for: afterwards the name is free.
        while ((await engine.find(found.id)) !== null) {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }),

    parking: available({
      park: (ref: BoxRef, call?: CallOptions) =>
        bounded(call, `Parking the box ${ref.instance}`, async () => {
          const found = await find(ref);
          if (found === null) throw goneBox(ref);
          if (found.status !== 'running') return;
          // So that each command has an end on record; what does not answer ends with its container.
          await stopCommands({ engine, ref, network, epoch: 0, environment: {} }, STOP_COMMANDS_MS).catch(
            () => undefined,
          );
          await engine.stop(found.id, STOP_GRACE_SECONDS);
        }),
    }),

    listing: available({
      async *list(call?: CallOptions): AsyncGenerator<ListedBox, void, void> {
        const [found, { id }] = await bounded(call, 'Listing boxes', () =>
          Promise.all([engine.list(GROUP_LABEL), state()]),
        );
        for (const one of found) yield { ref: refOf(one.id, id), tag: tagOfLabels(one.labels) };
      },
    }),

    isGone: (error: unknown) => isGoneError(NAME, error),
  });
}

/** The engine's exec is the other way to a shell. */
function unlessUnreachable(error: unknown): null {
  if (SandboxError.hasCode(error, 'unreachable')) return null;
  throw error;
}

function checkRef(ref: BoxRef): void {
  if (ref.provider === NAME && /^[0-9a-f]{64}$/.test(ref.instance)) return;
  throw new SandboxError(
    'invalid',
    `A box of ${ref.provider} named ${JSON.stringify(ref.instance.slice(0, 80))} cannot be found here. Use the provider that made it.`,
    { started: 'no' },
  );
}
