import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore, type PostgresStore } from '@boxyard/store-postgres';
import { CANARY_WORKSPACE } from './canary.ts';
import type { PartsContext } from './parts-context.ts';
import { meteredEventLog, meteredOpStore } from './telemetry/metered-stores.ts';
import { meterRecord } from './telemetry/record-meters.ts';

/** The record of this process, metered; an embedded PostgreSQL in the data folder when no address is set. */
export async function openRecord({
  settings,
  meters,
  opening,
  onTrouble,
}: Pick<PartsContext, 'settings' | 'meters' | 'opening' | 'onTrouble'>): Promise<PostgresStore> {
  const { dataDir, databaseUrl, natsUrl } = settings;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const bus = natsUrl === null ? undefined : await openBus(natsUrl, onTrouble);
  opening.defer(() => bus?.close());
  const address =
    databaseUrl === null ? { embedded: { dataDir: join(dataDir, 'postgres') } } : { url: databaseUrl };
  const opened = opening.use(await openStore({ ...address, bus }));
  const store: PostgresStore = {
    ...opened,
    events: meteredEventLog(opened.events, meters),
    ops: meteredOpStore(opened.ops, meters),
  };
  meterRecord(meters, store, [CANARY_WORKSPACE]);
  return store;
}

/** Loaded only where it is wanted. */
async function openBus(url: string, onTrouble: PartsContext['onTrouble']) {
  const { NatsBus } = await import('@boxyard/bus-nats');
  return new NatsBus({ url, onTrouble });
}
