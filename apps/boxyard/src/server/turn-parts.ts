/** The agent of this server: its model, and the worker that runs turns here. */
import type { Settings } from '@boxyard/config';
import { SandboxError, type TurnStore } from '@boxyard/sandbox-core';
import type { ModelEndpoint, TurnBoxes, TurnWorker } from '@boxyard/turns';

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

export interface TurnWorkerParts {
  readonly endpoint: ModelEndpoint;
  readonly turns: TurnStore;
  readonly boxes: TurnBoxes;
  readonly settings: Settings;
  readonly onTrouble: (error: unknown) => void;
}

/** Takes up turns from now on; disposing of it lets go of those that it runs. */
export async function startTurnWorker({
  endpoint,
  turns,
  boxes,
  settings,
  onTrouble,
}: TurnWorkerParts): Promise<TurnWorker> {
  // The agent loop takes memory that a server without a model does not need.
  const { DEFAULT_INSTRUCTIONS, DEFAULT_TURN_SETTINGS, endpointModel, TurnRunner, TurnWorker } = await import(
    '@boxyard/turns'
  );
  const turnSettings = {
    ...DEFAULT_TURN_SETTINGS,
    beatMs: settings.turnHeartbeatMs,
    attemptTtlMs: settings.turnTtlMs,
    maxModelCalls: settings.turnModelCalls,
    timeBudgetMs: settings.turnBudgetMs,
    concurrency: settings.turnConcurrency,
  };
  const runner = new TurnRunner({
    turns,
    boxes,
    model: await endpointModel(endpoint),
    instructions: DEFAULT_INSTRUCTIONS,
    settings: turnSettings,
  });
  return new TurnWorker({
    turns,
    runner,
    worker: `server-${process.pid}`,
    settings: turnSettings,
    onTrouble,
  });
}
