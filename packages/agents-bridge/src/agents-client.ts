// A provider of boxes as a client of the SDK: it makes, stores, finds and destroys the boxes of sessions.
import { randomUUID } from 'node:crypto';
import type { BoxRef, BoxWish, Provider } from '@boxyard/sandbox-core';
import type {
  Manifest,
  SandboxClient,
  SandboxClientCreateArgs,
  SandboxSessionState,
} from '@openai/agents-core/sandbox';
import { deserializeManifest, mergeManifestDelta } from './sdk-values.ts';
import {
  type AgentsSession,
  type AgentsSessionOptions,
  BoxSession,
  type OwnedSession,
} from './session/agents-session.ts';
import { fitManifest, sessionManifest } from './session/session-manifest.ts';
import { type AgentsSessionState, BACKEND_ID, isAgentsSessionState } from './session/session-state.ts';
import { AgentsSessionError, sessionErrorFrom, unsupported } from './session-error.ts';

export interface AgentsClientOptions extends BoxWish {
  /** Whose boxes these are; carried by each of them. */
  readonly deployment: string;
  /** Given to every box when it is made and when it is found again; never stored. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly session?: Omit<AgentsSessionOptions, 'root' | 'environment'> | undefined;
}

type SdkClient = SandboxClient<Record<string, unknown>, AgentsSessionState>;
type Stored = 'resume' | 'delete' | 'serializeSessionState' | 'deserializeSessionState';

export type AgentsClient = Omit<SdkClient, Stored | 'create'> &
  Required<Pick<SdkClient, Stored>> & {
    create(args?: SandboxClientCreateArgs | Manifest): Promise<AgentsSession>;
  };

const FIRST_EPOCH = 1;

/**
 * A run that is given this client owns what it creates or resumes: the SDK destroys the box at its end. Give a run
 * a session of `toAgentsSession` as well, and its box stays.
 */
export function toAgentsClient(provider: Provider, options: AgentsClientOptions): AgentsClient {
  const { deployment, image, resources } = options;
  const live = new LiveRoots();
  const destroy = async (ref: BoxRef) => {
    await provider.destroy(ref);
    live.remove(ref);
  };

  const environmentOf = async (manifest: Manifest): Promise<Record<string, string>> => ({
    ...options.environment,
    ...(await manifest.resolveEnvironment()),
  });
  const createBox = (environment: Record<string, string>) =>
    provider.create({
      tag: { deployment, group: randomUUID(), epoch: FIRST_EPOCH },
      environment,
      ...(image === undefined ? {} : { image }),
      ...(resources === undefined ? {} : { resources }),
    });

  const create = async (asked: SandboxClientCreateArgs | Manifest = {}): Promise<AgentsSession> => {
    // Not `instanceof`: a manifest of another copy of the SDK is one too.
    const args: SandboxClientCreateArgs = 'resolveEnvironment' in asked ? { manifest: asked } : asked;
    refuseSnapshot(args.snapshot);
    const wanted = asManifest(args.manifest);
    const environment = await environmentOf(wanted);
    try {
      const box = await createBox(environment);
      const state = {
        manifest: sessionManifest(box.workspaceRoot, environment),
        box: box.ref,
        epoch: box.epoch,
        nextCommand: 1,
      };
      const session = new BoxSession(box, { ...options.session, environment }, { destroy, state });
      live.add(box.ref, box.workspaceRoot);
      try {
        await session.applyManifest(fitManifest(session.state.manifest, wanted).manifest);
        if (args.archiveLimits !== undefined) session.setArchiveLimits(args.archiveLimits);
        return session;
      } catch (error) {
        // Nobody else knows of this box.
        await session.delete?.();
        throw error;
      }
    } catch (error) {
      throw sessionErrorFrom(error);
    }
  };

  const resume = async (state: AgentsSessionState): Promise<AgentsSession> => {
    checkOwn(state);
    const environment = await environmentOf(state.manifest);
    try {
      // Nothing was ever in a box that was never opened.
      const box =
        state.box === null
          ? await createBox(environment)
          : await provider.resume(state.box, { epoch: state.epoch, environment });
      live.add(box.ref, state.manifest.root);
      const owned: OwnedSession = { destroy, state };
      return new BoxSession(box, { ...options.session, environment }, owned);
    } catch (error) {
      throw sessionErrorFrom(error);
    }
  };

  return {
    backendId: BACKEND_ID,
    create,
    resume,
    // A trusted manifest has the SDK's default root. That of a stored session is its box's, and must be the same: the
    // SDK ends a live session, and with it its box, when they differ.
    resolveTrustedManifestForResume: (manifest, { root = live.only() } = {}) =>
      typeof root === 'string' ? mergeManifestDelta(deserializeManifest({ root }), manifest) : manifest,
    delete: async ({ box }) => {
      if (box !== null) await destroy(box);
    },
    serializeSessionState: async (state) => {
      checkOwn(state);
      const { backendId, box, epoch, nextCommand } = state;
      return { backendId, box, epoch, nextCommand };
    },
    deserializeSessionState: async (record) => {
      const { manifest, ...rest } = record;
      const state = { ...rest, manifest: deserializeManifest(manifest as Record<string, unknown>) };
      checkOwn(state);
      return state;
    },
  };
}

/** The roots of the boxes that sessions of one client use in this process. */
class LiveRoots {
  readonly #roots = new Map<string, string>();

  add(ref: BoxRef, root: string): void {
    this.#roots.set(ref.instance, root);
  }

  remove(ref: BoxRef): void {
    this.#roots.delete(ref.instance);
  }

  /** Null when there is none. @throws AgentsSessionError when it could be one of several. */
  only(): string | null {
    const roots = new Set(this.#roots.values());
    if (roots.size <= 1) return [...roots][0] ?? null;
    throw new AgentsSessionError(
      'configuration_error',
      'Which box the run goes on in is not clear: several with different roots are open. Use agentsResumeConfig.',
    );
  }
}

/** The SDK gives a client whatever session it runs with, without a look at where that comes from. */
function checkOwn(state: SandboxSessionState): asserts state is AgentsSessionState {
  if (isAgentsSessionState(state)) return;
  throw new AgentsSessionError(
    'configuration_error',
    `Storing the session is refused: it is none of ${BACKEND_ID}. Use the client that made it.`,
  );
}

function asManifest(manifest: SandboxClientCreateArgs['manifest']): Manifest {
  if (manifest === undefined) return deserializeManifest({});
  return 'resolveEnvironment' in manifest ? manifest : deserializeManifest({ ...manifest });
}

function refuseSnapshot(snapshot: SandboxClientCreateArgs['snapshot']): void {
  if (snapshot === undefined || snapshot === null || snapshot.type === 'noop') return;
  throw unsupported('A snapshot is refused: boxes keep their files themselves. Leave sandbox.snapshot out.');
}
