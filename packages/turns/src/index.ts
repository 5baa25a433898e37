export { type EndpointModel, endpointModel, type ModelEndpoint } from './endpoint-model.ts';
export type { ModelPatience } from './model-retry.ts';
export { DEFAULT_INSTRUCTIONS } from './turn-agent.ts';
export type { TurnBoxes } from './turn-box.ts';
export { TurnRunner, type TurnRunnerOptions } from './turn-runner.ts';
export { DEFAULT_TURN_SETTINGS, type TurnSettings } from './turn-settings.ts';
export { TurnWorker, type TurnWorkerOptions } from './turn-worker.ts';
