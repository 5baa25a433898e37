import type { ManifestInput, SandboxRunConfig } from '@openai/agents-core/sandbox';
import type { AgentsClient } from './agents-client.ts';
import type { AgentsSession } from './session/agents-session.ts';
import type { AgentsSessionState } from './session/session-state.ts';

export interface AgentsRunConfigOptions {
  /** Ours, for run states that go to another process. The SDK would let a foreign one write garbage. */
  readonly client?: AgentsClient | undefined;
  /** The agent that is run: what it declares is fitted to the session. */
  readonly agent?: { readonly defaultManifest?: ManifestInput | undefined } | undefined;
  /** Instead of what the agent declares. */
  readonly manifest?: ManifestInput | undefined;
  /** Relative to the workspace. */
  readonly cwd?: string | undefined;
}

/**
 * `run(agent, input, { sandbox: agentsRunConfig(session, { agent }) })`: no manifest then trips over a live session.
 * An agent that is not named here declares for itself, and the SDK ends a run whose agent asks for another root or
 * another environment.
 */
export function agentsRunConfig(
  session: AgentsSession,
  { client, agent, manifest, cwd }: AgentsRunConfigOptions = {},
): SandboxRunConfig<Record<string, unknown>, AgentsSessionState> {
  const wanted = manifest ?? agent?.defaultManifest;
  return {
    session,
    ...(wanted === undefined ? {} : { manifest: session.fit(wanted) }),
    ...(client === undefined ? {} : { client }),
    ...(cwd === undefined ? {} : { cwd }),
  };
}

/**
 * `run(agent, state, { sandbox: agentsResumeConfig(client, json) })`, where `state` was made of `json`: the run goes on
 * in the box that it had. The SDK compares roots before it asks the client, and a box may have any.
 */
export function agentsResumeConfig(
  client: AgentsClient,
  runState: string,
): SandboxRunConfig<Record<string, unknown>, AgentsSessionState> {
  const root = rootOf(runState);
  return { client, ...(root === null ? {} : { options: { root } }) };
}

function rootOf(runState: string): string | null {
  let value: unknown = JSON.parse(runState);
  for (const name of ['sandbox', 'sessionState', 'manifest', 'root']) {
    if (typeof value !== 'object' || value === null) return null;
    value = Reflect.get(value, name);
  }
  return typeof value === 'string' ? value : null;
}
