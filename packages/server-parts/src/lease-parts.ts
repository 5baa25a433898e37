import { join } from 'node:path';
import { folderBlobStore } from '@boxyard/blobs';
import type { Settings } from '@boxyard/config';
import { BoxLeases, type LeasesSettings } from '@boxyard/leases';
import { ensureDeploymentId } from './deployment-id.ts';
import { tellLeaseEvents } from './lease-events.ts';
import type { PartsContext } from './parts-context.ts';

/** Who keeps which box alive, as this process sees it. What happens to boxes goes to their sessions' events. */
export async function openLeases(context: PartsContext): Promise<BoxLeases> {
  const { settings, store, providers, log, opening, notices } = context;
  notices.subscribe(tellLeaseEvents({ sessions: store.sessions, events: store.events, log }));
  return opening.use(
    new BoxLeases({
      deployment: await ensureDeploymentId(settings.dataDir, store),
      store: store.leases,
      ledger: store.artifacts,
      usage: store.usage,
      blobs: folderBlobStore({ dir: join(settings.dataDir, 'blobs') }),
      providers,
      settings: leasesSettings(settings),
      onEvent: notices.tell,
    }),
  );
}

const leasesSettings = (settings: Settings): Partial<LeasesSettings> => ({
  idleGraceMs: settings.idleGraceMs,
  warmingTtlMs: settings.warmingTtlMs,
  terminatingTtlMs: settings.terminatingTtlMs,
  captureIntervalMs: settings.captureIntervalMs,
  remoteCaptureIntervalMs: settings.cloudCaptureIntervalMs,
  captureRetryMs: settings.captureRetryMs,
  destroyRetryMs: settings.destroyRetryMs,
  lifetimeMarginMs: settings.lifetimeMarginMs,
  formerArchives: settings.formerArchives,
  reaperPeriodMs: settings.reaperPeriodMs,
  lingerMs: settings.requestLingerMs,
  holders: {
    request: { heartbeatMs: settings.requestHeartbeatMs, ttlMs: settings.requestTtlMs },
    turn: { heartbeatMs: settings.turnHeartbeatMs, ttlMs: settings.turnTtlMs },
    process: { heartbeatMs: settings.processHeartbeatMs, ttlMs: settings.processTtlMs },
    viewer: { heartbeatMs: settings.viewerHeartbeatMs, ttlMs: settings.viewerTtlMs },
  },
});
