/** Which parts this server is made of. The only place that names a provider. */

import type { Settings } from '@boxyard/config';
import { localProvider } from '@boxyard/providers-local';
import { type BackendRegistry, createBackendRegistry, SandboxError } from '@boxyard/sandbox-core';

/** @throws SandboxError `configuration` when the default backend is not one that this server has. */
export function composeProviders(settings: Settings): BackendRegistry {
  const registry = createBackendRegistry({
    local: localProvider({
      dataDir: settings.dataDir,
      maxSpoolBytes: settings.opSpoolBytes,
      maxBoxSpoolBytes: settings.boxSpoolBytes,
    }),
  });
  if (registry.has(settings.backend)) return registry;
  throw new SandboxError(
    'configuration',
    `BOXYARD_BACKEND is ${settings.backend}, which this server does not have. Use one of: ${registry.backends.join(', ')}.`,
  );
}
