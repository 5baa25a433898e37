import { BACKENDS, type Backend, type BackendDescriptor } from '@boxyard/contracts';
import type { Provider } from '../provider.ts';
import { SandboxError } from '../sandbox-error.ts';
import { BACKEND_TABLE } from './backend-table.ts';
import { descriptorFaults } from './descriptor-invariants.ts';

/** The providers of one process by the backend that they make boxes for. */
export interface BackendRegistry {
  /** In the fixed order of `BACKENDS`. */
  readonly backends: readonly Backend[];
  has(backend: Backend): boolean;
  /** @throws SandboxError `unsupported` when there is no provider for it here. */
  provider(backend: Backend): Provider;
  /** By the name that a stored `BoxRef` carries. @throws SandboxError `configuration` when it is not here. */
  providerNamed(name: string): Provider;
  /** The live descriptor of a provider that is here, else what `BACKEND_TABLE` promises. */
  descriptor(backend: Backend): BackendDescriptor;
}

/**
 * Checks every provider's descriptor and answers them as a value; nothing is built or called.
 *
 * @throws SandboxError `configuration` that lists every fault of every provider.
 */
export function createBackendRegistry(
  providers: Readonly<Partial<Record<Backend, Provider>>>,
): BackendRegistry {
  const given = BACKENDS.flatMap((backend) => {
    const provider = providers[backend];
    return provider === undefined ? [] : [[backend, provider] as const];
  });
  const byBackend = new Map(given);
  const byName = new Map(given.map(([, provider]) => [provider.name, provider]));

  const faults = given.flatMap(([backend, provider]) =>
    descriptorFaults(backend, provider.descriptor).map((fault) => `${backend}: ${fault}`),
  );
  for (const [backend, { descriptor }] of given) {
    const expected = BACKEND_TABLE[backend].backendId;
    if (descriptor.backendId !== expected) {
      faults.push(`${backend}: backendId is ${descriptor.backendId} and must be ${expected}`);
    }
  }
  if (byBackend.has('none')) faults.push('none: makes no boxes, so it has no provider');
  if (byName.size < given.length) {
    faults.push('two providers have one name, so a stored box could not be told apart');
  }
  if (faults.length > 0) {
    throw new SandboxError(
      'configuration',
      `The providers are not sound: ${faults.join('; ')}. Mend the descriptors named here.`,
      { started: 'no' },
    );
  }

  return Object.freeze({
    backends: given.map(([backend]) => backend),
    has: (backend: Backend) => byBackend.has(backend),
    provider(backend: Backend) {
      const provider = byBackend.get(backend);
      if (provider) return provider;
      const known = [...byBackend.keys()].join(', ') || 'none at all';
      throw new SandboxError(
        'unsupported',
        `There is no provider for backend ${backend} here: use one of ${known}.`,
        { started: 'no' },
      );
    },
    providerNamed(name: string) {
      const provider = byName.get(name);
      if (provider) return provider;
      throw new SandboxError(
        'configuration',
        `A box of provider ${JSON.stringify(name)} cannot be opened here: add that provider.`,
        { started: 'no' },
      );
    },
    descriptor: (backend: Backend) => byBackend.get(backend)?.descriptor ?? BACKEND_TABLE[backend],
  });
}

/**
 * Whether boxes of a backend can show a desktop.
 *
 * @param backend A backend or the Agents SDK's id of one (`unix_local`); an unknown name can not.
 */
export function desktopCapableBackend(
  backend: string,
  descriptors: Iterable<BackendDescriptor> = Object.values(BACKEND_TABLE),
): boolean {
  for (const descriptor of descriptors) {
    if (descriptor.backend === backend || descriptor.backendId === backend) {
      return descriptor.capabilities.DesktopStream.available;
    }
  }
  return false;
}
