import type { BoxRef } from '@boxyard/sandbox-core';
import type { ExposedPortEndpoint, Manifest, SandboxSessionState } from '@openai/agents-core/sandbox';

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

export function isAgentsSessionState(state: SandboxSessionState): state is AgentsSessionState {
  return state.backendId === BACKEND_ID && 'box' in state && 'nextCommand' in state;
}
