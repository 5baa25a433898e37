import type { BoxRef } from '@boxyard/sandbox-core';
import type { ExposedPortEndpoint, Manifest, SandboxSessionState } from '@openai/agents-core/sandbox';
import { deserializeManifest } from '../sdk-values.ts';

/** The id under which the SDK stores our sessions; it refuses to give them to another client. */
export const BACKEND_ID = 'boxyard';

/** One object for a session's life: the SDK keeps its locks by it. */
export interface AgentsSessionState extends SandboxSessionState {
  readonly backendId: typeof BACKEND_ID;
  manifest: Manifest;
  workspaceReady: boolean;
  exposedPorts?: Record<string, ExposedPortEndpoint>;
  /** The box that was used last; null while none has been needed. */
  box: BoxRef | null;
  epoch: number;
  /** The number of the next command, so that a session which goes on elsewhere gives none twice. */
  nextCommand: number;
}

/**
 * A state whose manifest never carries a value of the environment into a stored run: the SDK puts in the values that
 * an agent declares, and stores what is not ephemeral as it is.
 */
export function newSessionState(
  first: Pick<AgentsSessionState, 'manifest' | 'box' | 'epoch' | 'nextCommand'>,
): AgentsSessionState {
  let manifest = withoutStoredValues(first.manifest);
  return {
    backendId: BACKEND_ID,
    workspaceReady: true,
    box: first.box,
    epoch: first.epoch,
    nextCommand: first.nextCommand,
    get manifest() {
      return manifest;
    },
    set manifest(next) {
      manifest = withoutStoredValues(next);
    },
  };
}

function withoutStoredValues(manifest: Manifest): Manifest {
  const values = Object.entries(manifest.environment);
  // A reference is stored as what to look up, which is no secret.
  const isSafe = (value: (typeof values)[number][1]) => value.ephemeral || 'serialize' in value;
  if (values.every(([, value]) => isSafe(value))) return manifest;
  const environment = Object.fromEntries(
    values.map(([name, value]) => [name, isSafe(value) ? value : { ...value.init(), ephemeral: true }]),
  );
  return deserializeManifest({ ...manifest, environment });
}

export function isAgentsSessionState(state: SandboxSessionState): state is AgentsSessionState {
  return state.backendId === BACKEND_ID && 'box' in state && 'nextCommand' in state;
}
