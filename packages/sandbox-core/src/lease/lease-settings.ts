import { VIEWER_HEARTBEAT_INTERVAL_MS } from '@boxyard/contracts';
import type { HolderKind } from './lease.ts';

/** All in milliseconds. Read anew wherever they are used, never stored with a lease. */
export interface LeaseSettings {
  /** How long a box stays once nothing keeps it. */
  readonly idleGraceMs: number;
  /** How long a spawner or replacer may be silent before its claim is taken away. */
  readonly warmingTtlMs: number;
  /** How long a reaper may be silent while it captures and stops a box. */
  readonly terminatingTtlMs: number;
  /** How often a dirty box is captured while it is up. */
  readonly captureIntervalMs: number;
  /** How long a drain whose capture failed waits before the next attempt; doubles up to the idle grace. */
  readonly captureRetryMs: number;
  /** The provider ends every box after this long; null when it does not. */
  readonly boxLifetimeMs: number | null;
  /** How long before that end a box is captured and replaced. */
  readonly lifetimeMarginMs: number;
  readonly holders: Readonly<Record<HolderKind, { readonly heartbeatMs: number; readonly ttlMs: number }>>;
}

export const DEFAULT_LEASE_SETTINGS: LeaseSettings = {
  idleGraceMs: 900_000,
  // A large image may take minutes to be pulled; a live spawner beats far more often than this.
  warmingTtlMs: 600_000,
  terminatingTtlMs: 90_000,
  // For boxes on our own machine; a cloud's transfer is dear, so its providers are captured every 15 minutes.
  captureIntervalMs: 60_000,
  captureRetryMs: 60_000,
  boxLifetimeMs: null,
  lifetimeMarginMs: 120_000,
  holders: {
    request: { heartbeatMs: 30_000, ttlMs: 90_000 },
    turn: { heartbeatMs: 5_000, ttlMs: 20_000 },
    process: { heartbeatMs: 30_000, ttlMs: 90_000 },
    viewer: { heartbeatMs: VIEWER_HEARTBEAT_INTERVAL_MS, ttlMs: 90_000 },
  },
};
