/** The agent of a process: its model, and the worker that runs turns here. */
import { hostname } from 'node:os';
import type { Settings } from '@boxyard/config';
import { SandboxError } from '@boxyard/sandbox-core';
import type { ActiveBoxes, SessionService } from '@boxyard/sessions';
import type { ModelEndpoint, TurnWorker } from '@boxyard/turns';
import type { PartsContext } from './parts-context.ts';

/** Null when there is no model. @throws SandboxError `configuration` when only a part of it is set. */
export function modelEndpointOf(settings: Settings): ModelEndpoint | null {
  const { modelBaseUrl: baseUrl, model, modelApiKey: apiKey, modelProtocol: protocol } = settings;
  if (baseUrl !== null && model !== null) return { baseUrl, model, apiKey, protocol };
  if (baseUrl === null && model === null) return null;
  const [set, missing] =
    baseUrl === null
      ? ['BOXYARD_MODEL', 'BOXYARD_MODEL_BASE_URL']
      : ['BOXYARD_MODEL_BASE_URL', 'BOXYARD_MODEL'];
  throw new SandboxError('configuration', `The agent has no model: ${set} is set. Set ${missing} too.`);
}

/** What `startTurnWorker` needs of a process. */
export type TurnWorkerParts = Pick<
  PartsContext,
  'settings' | 'store' | 'providers' | 'opening' | 'onTrouble'
> & { readonly boxes: ActiveBoxes; readonly sessions: SessionService };

/**
 * Takes up turns from now on; closing the parts lets go of those that it runs. Null where the settings leave turns to
 * other processes.
 */
export async function startTurnWorker(
  { settings, store, providers, opening, onTrouble, boxes, sessions: service }: TurnWorkerParts,
  endpoint: ModelEndpoint,
): Promise<TurnWorker | null> {
  if (settings.turnConcurrency === 0) return null;
  // The agent loop takes memory that a server without a model does not need.
  const { DEFAULT_INSTRUCTIONS, DEFAULT_TURN_SETTINGS, endpointModel, TurnRunner, TurnWorker } = await import(
    '@boxyard/turns'
  );
  const { turns, sessions } = store;
  const turnSettings = {
    ...DEFAULT_TURN_SETTINGS,
    beatMs: settings.turnHeartbeatMs,
    attemptTtlMs: settings.turnTtlMs,
    maxModelCalls: settings.turnModelCalls,
    timeBudgetMs: settings.turnBudgetMs,
    concurrency: settings.turnConcurrency,
    model: {
      ...DEFAULT_TURN_SETTINGS.model,
      tries: settings.modelTries,
      silenceMs: settings.modelSilenceMs,
    },
  };
  const runner = new TurnRunner({
    turns,
    boxes: { boxes, service, sessions, providers },
    model: await endpointModel(endpoint),
    usage: store.usage,
    instructions: DEFAULT_INSTRUCTIONS,
    settings: turnSettings,
    skillFolder: settings.skillsDir,
  });
  const worker = `${hostname()}-${process.pid}`;
  return opening.use(new TurnWorker({ turns, runner, worker, settings: turnSettings, onTrouble }));
}
