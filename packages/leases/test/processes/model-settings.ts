import type { LeasesSettings } from '../../src/index.ts';

/** In-process waits are short, so that crashed partners hold nobody up for long; the rest is the database's time. */
export const MODEL_SETTINGS: Partial<LeasesSettings> = {
  lingerMs: 20,
  openDeadlineMs: 2_000,
  spawnDeadlineMs: 4_000,
  captureDeadlineMs: 4_000,
  destroyDeadlineMs: 4_000,
  destroyRetryMs: 10_000,
  captureIntervalMs: 60_000,
  remoteCaptureIntervalMs: 60_000,
};
