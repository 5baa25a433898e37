/** Brings every part up in order and down in the reverse order. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AuditTrail, createApi, KeyRing } from '@boxyard/api';
import { folderBlobStore } from '@boxyard/blobs';
import { ChangeRecorder, type OpenBox, OpHost, SharedPtyHost } from '@boxyard/channel-a';
import { loadSettings, type Settings, unknownVariables } from '@boxyard/config';
import { ArchiveSweep, BoxLeases, type LeasesSettings, Reaper, Sweep } from '@boxyard/leases';
import { type BackendRegistry, createSealer } from '@boxyard/sandbox-core';
import { ActiveBoxes, Retention, SessionService } from '@boxyard/sessions';
import { folderSizeBytes, openStore, type PostgresStore } from '@boxyard/store-postgres';
import { TurnService } from '@boxyard/turns/service';
import { v7 as uuidv7 } from 'uuid';
import { CANARY_WORKSPACE, Canary } from './canary.ts';
import { composeProviders } from './compose.ts';
import { ensureDeploymentId } from './deployment-id.ts';
import { ensureDefaultWorkspace, ensureFirstKey, ensureSecretKey } from './first-key.ts';
import { startHttpServer } from './http-server.ts';
import { tellLeaseEvents } from './lease-events.ts';
import type { Logger } from './logger.ts';
import { OpenedParts } from './opened-parts.ts';
import { createReadiness } from './readiness.ts';
import { Repeating } from './repeating.ts';
import { removeServerRecord, writeServerRecord } from './server-record.ts';
import { sweepService } from './sweep-report.ts';
import { meterLeaseNotice } from './telemetry/lease-meters.ts';
import { meteredBackends } from './telemetry/metered-provider.ts';
import { meteredEventLog, meteredOpStore } from './telemetry/metered-stores.ts';
import { Meters } from './telemetry/meters.ts';
import { meterProcess } from './telemetry/process-meters.ts';
import { meterRecord } from './telemetry/record-meters.ts';
import { startTracing } from './telemetry/tracing.ts';
import { modelEndpointOf, startTurnWorker } from './turn-parts.ts';

export interface StartServerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Made from the settings once they are read. */
  readonly log: (level: Settings['logLevel']) => Logger;
}

export interface RunningServer {
  readonly url: string;
  readonly token: string;
  readonly settings: Settings;
  /**
   * No new work; requests get their grace; boxes stay as they are. Answers the groups whose boxes stay, null when
   * the record could not be read.
   */
  stop(): Promise<readonly string[] | null>;
}

/** More than a person reads; the rest is in the record all the same. */
const MAX_NAMED_BOXES = 1_000;
const RETENTION_EVERY_MS = 60_000;
/** Commands whose box did not answer at start are looked after again this often. */
const ADOPT_EVERY_MS = 30_000;

/** @throws SettingsError for wrong settings, SandboxError when the store or a port cannot be had. */
export async function startServer(options: StartServerOptions): Promise<RunningServer> {
  const settings = loadSettings(options.env);
  const log = options.log(settings.logLevel);
  for (const name of unknownVariables(options.env))
    log.warn({ name }, 'this variable is no setting: is it misspelt?');
  const endpoint = modelEndpointOf(settings);
  await mkdir(settings.dataDir, { recursive: true, mode: 0o700 });
  // What is opened is closed in the reverse order, also when a later step of the start fails.
  await using opening = new OpenedParts();
  opening.use(await startTracing(options));
  const meters = opening.use(new Meters());
  opening.use(meterProcess(meters, options.version));
  const opened = opening.use(await openStore(storeOptions(settings)));
  const store: PostgresStore = {
    ...opened,
    events: meteredEventLog(opened.events, meters),
    ops: meteredOpStore(opened.ops, meters),
  };
  meterRecord(meters, store, [CANARY_WORKSPACE]);
  meters.startCounters();
  const providers = meteredBackends(composeProviders(settings), meters);
  const parts = await assemble({ settings, store, providers, log, meters, opening });

  const workspace = await ensureDefaultWorkspace(store.workspaces);
  const token = await ensureFirstKey(settings.dataDir, settings.token ?? undefined, store.keys, workspace);
  await parts.ptys.start();
  await parts.ops.adoptRunning();
  opening.use(
    new Repeating(async () => void (await parts.ops.adoptRunning()), ADOPT_EVERY_MS, parts.onTrouble),
  );
  opening.use(new Repeating(() => parts.retention.tick(), RETENTION_EVERY_MS, parts.onTrouble));
  parts.reaper.start();
  if (settings.canaryIntervalMs > 0) parts.canary.repeat(settings.canaryIntervalMs, parts.onTrouble);

  if (endpoint !== null) {
    const { boxes, sessions: service, onTrouble } = parts;
    const turnBoxes = { boxes, service, sessions: store.sessions, providers };
    opening.use(
      await startTurnWorker({ endpoint, turns: store.turns, boxes: turnBoxes, settings, onTrouble }),
    );
  }

  const draining = new AbortController();
  const api = createApi(
    {
      ...parts,
      turns: new TurnService({ turns: store.turns, hasModel: endpoint !== null }),
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
        draining: draining.signal,
      }),
      runCanary: () => parts.canary.run(),
      renderMetrics: () => meters.render(),
      metricsToken: settings.metricsToken,
      version: options.version,
      bodyLimitBytes: settings.bodyLimitBytes,
    },
    {
      draining: draining.signal,
      sseCommentMs: settings.sseCommentMs,
      log: ({ error, ...entry }) => {
        const labels = { route: entry.route, status: String(entry.status) };
        meters.observe('boxyard_http_request_duration_seconds', entry.durationMs / 1000, labels);
        if (error) log.error({ ...entry, error }, 'request');
        else log.debug(entry, 'request');
      },
    },
  );
  const http = await startHttpServer({ app: api.app, host: settings.host, port: settings.port });
  opening.defer(() => http.stop(settings.shutdownGraceMs));
  opening.defer(() => draining.abort());
  await writeServerRecord(settings.dataDir, { url: http.url, pid: process.pid });
  log.info({ url: http.url, dataDir: settings.dataDir }, 'ready');

  const running = opening.move();
  return {
    url: http.url,
    token,
    settings,
    stop: async () => {
      const staying = await store.leases.up(MAX_NAMED_BOXES).catch((error: unknown) => {
        log.warn({ error }, 'which boxes stay could not be read');
        return null;
      });
      await running[Symbol.asyncDispose]();
      await removeServerRecord(settings.dataDir, process.pid);
      return staying?.map(({ groupId }) => groupId) ?? null;
    },
  };
}

interface AssembleOptions {
  readonly settings: Settings;
  readonly store: PostgresStore;
  readonly providers: BackendRegistry;
  readonly log: Logger;
  readonly meters: Meters;
  readonly opening: OpenedParts;
}

async function assemble({ settings, store, providers, log, meters, opening }: AssembleOptions) {
  const onTrouble = (error: unknown) => {
    log.warn({ error }, 'work in the background failed and is tried again');
    meters.count('boxyard_background_failures_total', { stage: 'server' });
  };
  const sealer = createSealer([await ensureSecretKey(settings.dataDir, settings.secretKey ?? undefined)]);
  const tell = tellLeaseEvents({ sessions: store.sessions, events: store.events, log });
  const leases: BoxLeases = opening.use(
    new BoxLeases({
      deployment: await ensureDeploymentId(settings.dataDir, store),
      store: store.leases,
      ledger: store.artifacts,
      usage: store.usage,
      blobs: folderBlobStore({ dir: join(settings.dataDir, 'blobs') }),
      providers,
      settings: leasesSettings(settings),
      onEvent: (notice) => {
        if (!('groupId' in notice && notice.groupId !== null && canary.owns(notice.groupId)))
          meterLeaseNotice(meters, notice);
        tell(notice);
        // A terminal belongs to the box that it was opened in; its viewers are told rather than left waiting.
        if (notice.type === 'spawned') void ptys.endMoved(notice.groupId, notice.epoch).catch(onTrouble);
      },
    }),
  );
  const boxes = new ActiveBoxes({
    sessions: store.sessions,
    pointers: store.pointers,
    events: store.events,
    leases,
    leaseStore: store.leases,
    sealer,
    openDeadlineMs: settings.requestWaitMs,
    cacheMs: settings.credentialCacheMs,
  });
  const openBox: OpenBox = async (session, { kind, id }, call) => {
    const holder = { kind, id, subject: session.sessionId };
    // A command or a shell changes files without telling us, and stays where it was begun.
    const options = { ...call, mutates: kind !== 'viewer', onSwap: 'stay' } as const;
    const active =
      session.workspaceId === null
        ? await boxes.openGroup(session.groupId, holder, options)
        : await boxes.open(session.workspaceId, session.sessionId, holder, options);
    return Object.assign(active, { groupId: active.group.id });
  };
  const changes = new ChangeRecorder({ events: store.events, openBox });
  opening.defer(() => changes.close());
  const hostOptions = {
    events: store.events,
    openBox,
    hostId: uuidv7(),
    // The embedded database belongs to this one server; a shared one has other servers on it.
    soleHost: settings.databaseUrl === null,
    recorder: changes,
    redactorFor: ({ groupId }: { readonly groupId: string }) => boxes.redactorFor(groupId),
  };
  const ops = new OpHost({
    ...hostOptions,
    ops: store.ops,
    maxEventBytes: settings.opEventBytes,
  });
  opening.defer(() => ops.close());
  const ptys: SharedPtyHost = new SharedPtyHost({
    ...hostOptions,
    registry: store.ptys,
    calls: store.hostCalls,
    onTrouble,
  });
  opening.defer(() => ptys.shutdown());
  const sessions = new SessionService({
    sessions: store.sessions,
    pointers: store.pointers,
    events: store.events,
    leases,
    leaseStore: store.leases,
    boxes,
    sealer,
    providers,
    defaultBackend: settings.backend,
    openDeadlineMs: settings.requestWaitMs,
    onTrouble,
    endRunning: async ({ session }) => {
      await Promise.all([
        ops.endSession(session.id),
        ptys.endSession({
          sessionId: session.id,
          groupId: session.groupId,
          workspaceId: session.workspaceId,
        }),
      ]);
    },
  });
  const retention = new Retention({
    sessions: store.sessions,
    service: sessions,
    events: store.events,
    idempotency: store.idempotency,
    audit: store.audit,
    sweepOps: () => ops.sweepExpired({ keptMs: settings.opRetentionMs }),
    settings: {
      eventsMs: settings.eventRetentionMs,
      idempotencyMs: settings.idempotencyTtlMs,
      auditMs: settings.auditRetentionMs,
    },
  });
  const sweep = new Sweep(leases.context);
  const reaper = opening.use(
    new Reaper(leases.context, {
      sweep,
      archives: new ArchiveSweep(leases.context),
    }),
  );
  const keyRing = opening.use(new KeyRing(store.keys));
  const auditTrail = opening.use(
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
  const canary: Canary = opening.use(
    new Canary({
      sessions,
      boxes,
      workspaces: store.workspaces,
      backends: providers.backends,
      meters,
      log,
    }),
  );
  // The embedded database belongs to this one server: nobody else can be making or stopping a box. Only now,
  // because what it finds is told to parts from all of the above.
  if (settings.databaseUrl === null) await leases.takeOver();
  return {
    sweep: sweepService(sweep, leases.context),
    auditTrail,
    canary,
    sessions,
    boxes,
    ops,
    ptys,
    changes,
    keyRing,
    retention,
    reaper,
    onTrouble,
  };
}

const storeOptions = (settings: Settings) =>
  settings.databaseUrl === null
    ? { embedded: { dataDir: join(settings.dataDir, 'postgres') } }
    : { url: settings.databaseUrl };

const leasesSettings = (settings: Settings): Partial<LeasesSettings> => ({
  idleGraceMs: settings.idleGraceMs,
  warmingTtlMs: settings.warmingTtlMs,
  terminatingTtlMs: settings.terminatingTtlMs,
  captureIntervalMs: settings.captureIntervalMs,
  remoteCaptureIntervalMs: settings.cloudCaptureIntervalMs,
  captureRetryMs: settings.captureRetryMs,
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
