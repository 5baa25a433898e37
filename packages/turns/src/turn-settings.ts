import type { ModelPatience } from './model-retry.ts';

/** All durations are in milliseconds. */
export interface TurnSettings {
  /** How often a worker says that it still runs a turn. */
  readonly beatMs: number;
  /** How long after its last beat another one may take the turn. */
  readonly attemptTtlMs: number;
  /** Questions to the model, where the message says nothing. */
  readonly maxModelCalls: number;
  /** From the first attempt on, where the message says nothing. */
  readonly timeBudgetMs: number;
  /** How often a worker looks for turns that no notification told of. */
  readonly lookMs: number;
  /** Turns that one worker runs at a time. */
  readonly concurrency: number;
  /** How long a command of a former attempt is waited for before the model is told that it still runs. */
  readonly resumeWaitMs: number;
  readonly model: ModelPatience;
}

export const DEFAULT_TURN_SETTINGS: TurnSettings = {
  beatMs: 5_000,
  attemptTtlMs: 20_000,
  maxModelCalls: 200,
  timeBudgetMs: 3_600_000,
  lookMs: 5_000,
  concurrency: 8,
  resumeWaitMs: 10_000,
  model: { tries: 5, firstWaitMs: 1_000, longestWaitMs: 120_000, silenceMs: 300_000 },
};
