import { setTimeout as delay } from 'node:timers/promises';

/** Time inside one process: when to beat, how long to wait. It never enters a row of the store. */
export interface Clock {
  /** Monotonic milliseconds; only differences mean something. */
  nowMs(): number;
  /** Resolves after `ms`; rejects as soon as the signal aborts. Keeps no process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, { ref: false, ...(signal === undefined ? {} : { signal }) }),
};
