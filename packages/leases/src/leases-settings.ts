import { DEFAULT_LEASE_SETTINGS, type LeaseSettings, type Provider } from '@boxyard/sandbox-core';

/** All in milliseconds unless the name says otherwise. Every one can be made small for a test. */
export interface LeasesSettings extends LeaseSettings {
  /** How often boxes that run elsewhere are captured; `captureIntervalMs` is for local and Docker. */
  readonly remoteCaptureIntervalMs: number;
  /** How long the request holder of a process outlives its last request. */
  readonly lingerMs: number;
  /** How long an open waits for a box when its caller names no deadline. */
  readonly openDeadlineMs: number;
  /** How long making a box, its restore included, may take. */
  readonly spawnDeadlineMs: number;
  /** How long a capture may take. */
  readonly captureDeadlineMs: number;
  /** How long a provider may take to destroy or to park a box. */
  readonly destroyDeadlineMs: number;
  readonly reaperPeriodMs: number;
  /** How many leases, condemned boxes or artifacts one step of the reaper takes at once. */
  readonly reaperBatch: number;
  /** How many boxes a reaper captures and destroys at a time. */
  readonly reaperConcurrency: number;
  /** A count: how many captures are kept besides the newest. */
  readonly formerArchives: number;
  /** A count: how many ticks of the reaper lie between two looks through all stored archives. More than 2. */
  readonly archiveSweepTicks: number;
  /** First wait after a destruction that failed; doubles each time. */
  readonly destroyRetryMs: number;
  readonly maxDestroyRetryMs: number;
}

export const DEFAULT_LEASES_SETTINGS: LeasesSettings = {
  ...DEFAULT_LEASE_SETTINGS,
  remoteCaptureIntervalMs: 900_000,
  lingerMs: 5_000,
  openDeadlineMs: 600_000,
  spawnDeadlineMs: 600_000,
  captureDeadlineMs: 900_000,
  destroyDeadlineMs: 60_000,
  reaperPeriodMs: 30_000,
  reaperBatch: 50,
  reaperConcurrency: 4,
  formerArchives: 1,
  archiveSweepTicks: 720,
  destroyRetryMs: 30_000,
  maxDestroyRetryMs: 3_600_000,
};

/** The settings as they are for boxes of this provider. */
export function settingsFor(settings: LeasesSettings, provider: Provider): LeasesSettings {
  const { backend, lifetime } = provider.descriptor;
  const near = backend === 'local' || backend === 'docker';
  return {
    ...settings,
    captureIntervalMs: near ? settings.captureIntervalMs : settings.remoteCaptureIntervalMs,
    boxLifetimeMs: settings.boxLifetimeMs ?? lifetime.hardLifetimeMs,
  };
}
