/** Which parts this server is made of. The only place that names a provider. */

import type { Settings } from '@boxyard/config';
import { dockerProvider } from '@boxyard/providers-docker';
import { localProvider } from '@boxyard/providers-local';
import {
  type BackendRegistry,
  createBackendRegistry,
  type Provider,
  SandboxError,
} from '@boxyard/sandbox-core';

/** @throws SandboxError `configuration` when the default backend is not one that this server has. */
export function composeProviders(settings: Settings): BackendRegistry {
  const registry = createBackendRegistry({
    local: localProvider({
      dataDir: settings.dataDir,
      maxSpoolBytes: settings.opSpoolBytes,
      maxBoxSpoolBytes: settings.boxSpoolBytes,
    }),
    // Only where somebody wants it: what is here is swept and listed, and most machines have no engine.
    ...(settings.backend === 'docker' || settings.dockerSocket !== null
      ? { docker: dockerOf(settings) }
      : {}),
  });
  if (registry.has(settings.backend)) return registry;
  throw new SandboxError(
    'configuration',
    `BOXYARD_BACKEND is ${settings.backend}, which this server does not have. Use one of: ${registry.backends.join(', ')}.`,
  );
}

const dockerOf = (settings: Settings): Provider =>
  dockerProvider({
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
