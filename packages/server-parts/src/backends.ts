/** What the settings say of the providers, for the `compose.ts` of every program: only that names them. */
import type { Settings } from '@boxyard/config';
import {
  type BackendRegistry,
  createBackendRegistry,
  type Provider,
  SandboxError,
} from '@boxyard/sandbox-core';

/** Makes a provider of this kind when the settings want one. */
export interface ProviderMakers {
  readonly local: () => Provider;
  readonly docker: () => Provider;
}

/** @throws SandboxError `configuration` when the default backend is not one that this process has. */
export function backendsOf(settings: Settings, makers: ProviderMakers): BackendRegistry {
  // Only where somebody wants it: what is here is swept and listed, and most machines have no engine.
  const wantsDocker = settings.backend === 'docker' || settings.dockerSocket !== null;
  const registry = createBackendRegistry({
    local: makers.local(),
    ...(wantsDocker ? { docker: makers.docker() } : {}),
  });
  if (registry.has(settings.backend)) return registry;
  throw new SandboxError(
    'configuration',
    `BOXYARD_BACKEND is ${settings.backend}, which this server does not have. Use one of: ${registry.backends.join(', ')}.`,
  );
}

/** For `localProvider`. */
export const localOptionsOf = (settings: Settings) => ({
  dataDir: settings.dataDir,
  maxSpoolBytes: settings.opSpoolBytes,
  maxBoxSpoolBytes: settings.boxSpoolBytes,
});

/** For `dockerProvider`. */
export const dockerOptionsOf = (settings: Settings) => ({
  ...(settings.dockerSocket === null ? {} : { socketPath: settings.dockerSocket }),
  ...(settings.dockerExtraNetwork === null ? {} : { extraNetwork: settings.dockerExtraNetwork }),
  defaultImage: settings.dockerImage,
  images: [...(settings.dockerImages ?? [])],
  network: settings.dockerNetwork,
  limits: {
    cpu: settings.dockerCpu,
    memoryMb: settings.dockerMemoryMb,
    pids: settings.dockerPids,
    diskMb: settings.dockerDiskMb,
  },
  maxSpoolBytes: settings.opSpoolBytes,
  maxBoxSpoolBytes: settings.boxSpoolBytes,
});
