// A table that is copied from promises would be out of date with the first change of a provider: a box of each kind
// is made for real, and asked.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerProvider } from '@boxyard/providers-docker';
import { localProvider } from '@boxyard/providers-local';
import { type Capability, type Provider, SandboxError } from '@boxyard/sandbox-core';
import { sharedTestEngine } from '@tooling/docker-engine';
import { FEATURES, type Feature } from './features.ts';

/** What one kind of box offers: true, or the reason why not. */
export interface ObservedBoxes {
  readonly kind: string;
  readonly offers: Readonly<Record<Feature, true | string>>;
}

export async function observeBoxes(): Promise<readonly ObservedBoxes[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-matrix-'));
  try {
    await using engine = await sharedTestEngine({ images: ['debian', 'busybox'] });
    const { socketPath, images } = engine;
    const docker = (defaultImage?: string) =>
      dockerProvider({ socketPath, ...(defaultImage === undefined ? {} : { defaultImage }) });
    const kinds: readonly (readonly [string, Provider])[] = [
      ['local', localProvider({ dataDir })],
      ['docker', docker()],
      ['docker, Debian alone', docker(images.debian)],
      ['docker, busybox alone', docker(images.busybox)],
    ];
    const observed: ObservedBoxes[] = [];
    for (const [kind, provider] of kinds) observed.push({ kind, offers: await offersOf(kind, provider) });
    return observed;
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function offersOf(kind: string, provider: Provider): Promise<ObservedBoxes['offers']> {
  const group = `matrix-${kind.replaceAll(/[^a-z]+/gi, '-')}-${process.pid}`;
  await using box = await provider.create({
    tag: { deployment: 'matrix', group, epoch: 1 },
    environment: {},
  });
  try {
    const offered: Record<Feature, true | string> = {
      isolation: provider.descriptor.backend === 'local' ? 'runs as your own user' : true,
      image: accepts(() =>
        provider.accept({ image: provider.descriptor.backend === 'local' ? 'any' : undefined }),
      ),
      limits: accepts(() => provider.accept({ resources: { cpu: 1, memoryMb: 512, pids: 100 } })),
      parking: answer(provider.parking),
      sweep: answer(provider.listing),
      ...(Object.fromEntries(
        Object.entries(box.capabilities).map(([name, capability]) => [name, answer(capability)]),
      ) as Record<Exclude<Feature, 'isolation' | 'image' | 'limits' | 'parking' | 'sweep'>, true | string>),
    };
    for (const feature of Object.keys(FEATURES) as Feature[]) {
      if (offered[feature] === undefined) throw new Error(`No box was asked for ${feature}.`);
    }
    return offered;
  } finally {
    await provider.destroy(box.ref);
  }
}

const answer = (capability: Capability<unknown>): true | string =>
  capability.available ? true : capability.reason;

function accepts(ask: () => void): true | string {
  try {
    ask();
    return true;
  } catch (error) {
    if (!SandboxError.hasCode(error, 'unsupported')) throw error;
    // The first sentence says why, the rest what to do.
    return error.message.slice(error.message.indexOf(': ') + 2).replace(/\. .*$/s, '');
  }
}
