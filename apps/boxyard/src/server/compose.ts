/** Which providers this program has. The only place of it that names one. */
import type { Settings } from '@boxyard/config';
import { dockerProvider } from '@boxyard/providers-docker';
import { localProvider } from '@boxyard/providers-local';
import type { BackendRegistry } from '@boxyard/sandbox-core';
import { backendsOf, dockerOptionsOf, localOptionsOf } from '@boxyard/server-parts';

/** @throws SandboxError `configuration` when the default backend is not one that this program has. */
export const composeProviders = (settings: Settings): BackendRegistry =>
  backendsOf(settings, {
    local: () => localProvider(localOptionsOf(settings)),
    docker: () => dockerProvider(dockerOptionsOf(settings)),
  });
