import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Settings } from '@boxyard/config';
import { openStore, type PostgresStore } from '@boxyard/store-postgres';
import { CANARY_WORKSPACE } from './canary.ts';
import type { OpenedParts } from './opened-parts.ts';
import { meteredEventLog, meteredOpStore } from './telemetry/metered-stores.ts';
import type { Meters } from './telemetry/meters.ts';
import { meterRecord } from './telemetry/record-meters.ts';

/** The record of this process, metered; an embedded PostgreSQL in the data folder when no address is set. */
export async function openRecord(
  settings: Settings,
  meters: Meters,
  opening: OpenedParts,
): Promise<PostgresStore> {
  const { dataDir, databaseUrl } = settings;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const opened = opening.use(
    await openStore(
      databaseUrl === null ? { embedded: { dataDir: join(dataDir, 'postgres') } } : { url: databaseUrl },
    ),
  );
  const store: PostgresStore = {
    ...opened,
    events: meteredEventLog(opened.events, meters),
    ops: meteredOpStore(opened.ops, meters),
  };
  meterRecord(meters, store, [CANARY_WORKSPACE]);
  return store;
}
