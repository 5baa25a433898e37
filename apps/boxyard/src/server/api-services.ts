/** The API over the parts of this process. */
import { type Api, type ApiServices, AuditTrail, createApi, KeyRing } from '@boxyard/api';
import type { ServerParts } from '@boxyard/server-parts';
import { folderSizeBytes } from '@boxyard/store-postgres';
import { TurnService } from '@boxyard/turns/service';
import { createReadiness } from './readiness.ts';
import { sweepService } from './sweep-report.ts';

export interface ServedApiOptions {
  /** Whether somebody asks a model, in this process or in a worker. */
  readonly hasModel: boolean;
  /** Aborts when the server is asked to end. */
  readonly draining: AbortSignal;
}

/** Closed with the parts. */
export function openApi(parts: ServerParts, served: ServedApiOptions): Api {
  const { settings, meters, log } = parts;
  return createApi(apiServices(parts, served), {
    draining: served.draining,
    sseCommentMs: settings.sseCommentMs,
    log: ({ error, ...entry }) => {
      const labels = { route: entry.route, status: String(entry.status) };
      meters.observe('boxyard_http_request_duration_seconds', entry.durationMs / 1000, labels);
      if (error) log.error({ ...entry, error }, 'request');
      else log.debug(entry, 'request');
    },
  });
}

function apiServices(parts: ServerParts, { hasModel, draining }: ServedApiOptions): ApiServices {
  const { settings, version, store, providers, meters, opening } = parts;
  return {
    ...parts,
    sweep: sweepService(parts.sweep, parts.leases.context),
    keyRing: opening.use(new KeyRing(store.keys)),
    auditTrail: openAuditTrail(parts),
    turns: new TurnService({ turns: store.turns, hasModel }),
    publicUrl: settings.publicUrl,
    leases: store.leases,
    usage: store.usage,
    events: store.events,
    audit: store.audit,
    workspaces: store.workspaces,
    keys: store.keys,
    idempotency: store.idempotency,
    sessionsOf: (groupId) => store.sessions.sessionsOf(groupId),
    provider: (backend) => (providers.has(backend) ? providers.provider(backend) : null),
    readiness: createReadiness({
      pingDatabase: () => store.ping(),
      dataSizeBytes: () => folderSizeBytes(settings.dataDir),
      furtherChecks: () => parts.canary.checks(),
      draining,
    }),
    runCanary: () => parts.canary.run(),
    renderMetrics: () => meters.render(),
    metricsToken: settings.metricsToken,
    version,
    bodyLimitBytes: settings.bodyLimitBytes,
  };
}

const openAuditTrail = ({ store, log, meters, opening }: ServerParts): AuditTrail =>
  opening.use(
    new AuditTrail({
      log: store.audit,
      onTrouble: (error, trouble) => {
        log.error({ error, ...trouble }, 'the audit could not be written');
        const { dropped } = trouble;
        const outcome = dropped > 0 ? 'lost' : 'waiting';
        meters.count('boxyard_audit_troubles_total', { outcome }, Math.max(1, dropped));
      },
    }),
  );
