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
  type ListedBox,
  type Provider,
  type ResumeBoxOptions,
  type RunnerProbe,
  SandboxError,
} from '@boxyard/sandbox-core';
import { sandboxErrorFromFs } from '@boxyard/sandbox-core/jailed-folder';
import { BoxFolders, type BoxPlace } from './box-folder.ts';
import { checkHome, homeId } from './home-id.ts';
import { LocalBox, openRunner } from './local-box.ts';
import { LocalProviderOptions } from './options.ts';

const NAME = 'local';
/** Stopping and removing may look and kill, but must never count as a newer user of the box. */
const NO_EPOCH = 0;
const STOP_DEADLINE_MS = 60_000;

/**
 * Boxes on this machine: a folder each, and processes of our own user. This is no isolation: a command can read
 * and change whatever that user can.
 *
 * @throws ZodError for options that are not valid; nothing else happens before the first call.
 */
export function localProvider(options: LocalProviderOptions): Provider {
  const { dataDir, maxSpoolBytes, maxBoxSpoolBytes } = LocalProviderOptions.parse(options);
  const folders = new BoxFolders(dataDir);
  let probed: RunnerProbe | null = null;
  let home: Promise<string> | null = null;

  const ownHome = (): Promise<string> => {
    home ??= homeId(dataDir).catch((error: unknown) => {
      home = null;
      throw sandboxErrorFromFs(error, 'Reading which data folder this is');
    });
    return home;
  };
  const refOf = async (group: string): Promise<BoxRef> => ({
    provider: NAME,
    instance: group,
    resume: { home: await ownHome() },
  });
  /** The group of a box that is kept here. */
  const groupOf = async (ref: BoxRef): Promise<string> => {
    checkProvider(ref);
    checkHome(ref, await ownHome());
    return ref.instance;
  };

  const open = async (
    place: BoxPlace,
    { epoch, environment }: { epoch: number; environment: Readonly<Record<string, string>> },
  ): Promise<Box> => {
    const boxOptions = {
      ref: await refOf(place.group),
      place,
      epoch,
      environment,
      maxSpoolBytes,
      maxBoxSpoolBytes,
    };
    const runner = openRunner(boxOptions);
    try {
      // The same machine for every box, so it is asked once.
      probed ??= await runner.probe();
      return new LocalBox(boxOptions, runner, probed);
    } catch (error) {
      await runner.close();
      throw error;
    }
  };

  /** Ends every process of the box, whichever server started it. */
  const stop = async (place: BoxPlace): Promise<void> => {
    const runner = openRunner({ place, epoch: NO_EPOCH, environment: {} });
    try {
      const left = await runner.stopAll({ deadlineMs: STOP_DEADLINE_MS });
      if (left === 0) return;
      throw new SandboxError(
        'unreachable',
        `${left} processes of the box ${place.group} cannot be ended. Look at them on the machine.`,
        { started: 'yes', stage: 'stop' },
      );
    } finally {
      await runner.close();
    }
  };

  return defineProvider({
    name: NAME,
    descriptor: BACKEND_TABLE.local,

    accept,

    workspaceRoot: (group) => folders.place(group).workspace,

    create: ({ tag, environment, ...wish }: CreateBoxRequest, call?: CallOptions) =>
      bounded(call, `Making the box ${tag.group}`, async () => {
        accept(wish);
        return open(await folders.make(tag), { epoch: tag.epoch, environment });
      }),

    resume: (ref: BoxRef, call: ResumeBoxOptions) =>
      bounded(call, `Finding the box ${ref.instance}`, async () =>
        open(await folders.find(await groupOf(ref)), { epoch: call.epoch, environment: call.environment }),
      ),

    destroy: (ref: BoxRef, call?: CallOptions) =>
      bounded(call, `Destroying the box ${ref.instance}`, async () => {
        const group = await groupOf(ref);
        const place = await folders.find(group).catch((error: unknown) => {
          if (SandboxError.hasCode(error, 'gone')) return null;
          throw error;
        });
        if (place !== null) await stop(place);
        await folders.remove(group);
      }),

    parking: available({
      park: (ref: BoxRef, call?: CallOptions) =>
        bounded(call, `Parking the box ${ref.instance}`, async () =>
          stop(await folders.find(await groupOf(ref))),
        ),
    }),

    listing: available({
      async *list(call?: CallOptions): AsyncGenerator<ListedBox, void, void> {
        const groups = await bounded(call, 'Listing local boxes', () => folders.list());
        for (const group of groups) {
          yield { ref: await refOf(group), tag: await folders.tag(group) };
        }
      },
    }),

    isGone: (error: unknown) => SandboxError.hasCode(error, 'gone'),
  });
}

function accept({ image, resources }: BoxWish): void {
  if (image !== undefined) throw notHere('an image');
  const limits = Object.entries(resources ?? {}).filter(([, limit]) => limit !== undefined);
  if (limits.length > 0) throw notHere(`limits of ${limits.map(([name]) => name).join(', ')}`);
}

function checkProvider(ref: BoxRef): void {
  if (ref.provider === NAME) return;
  throw new SandboxError(
    'invalid',
    `A box of ${ref.provider} cannot be found here. Use the provider that made it.`,
    { started: 'no' },
  );
}

const notHere = (what: string) =>
  new SandboxError(
    'unsupported',
    `A local box cannot have ${what}: it is a folder of this machine. Leave it out, or use another backend.`,
    { started: 'no', stage: 'create' },
  );
