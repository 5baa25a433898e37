import type { Settings } from '@boxyard/config';
import type { BackendRegistry } from '@boxyard/sandbox-core';
import type { PostgresStore } from '@boxyard/store-postgres';
import type { LeaseNotices } from './lease-notices.ts';
import type { Logger } from './logger.ts';
import type { OpenedParts } from './opened-parts.ts';
import type { Meters } from './telemetry/meters.ts';

/** What every part of a process is made from. */
export interface PartsContext {
  readonly settings: Settings;
  readonly version: string;
  readonly store: PostgresStore;
  /** Metered. */
  readonly providers: BackendRegistry;
  readonly meters: Meters;
  readonly log: Logger;
  /** Closes what was opened, in the reverse order. */
  readonly opening: OpenedParts;
  readonly notices: LeaseNotices;
  /** Work in the background failed and is tried again. */
  readonly onTrouble: (error: unknown) => void;
}
