/** Puts the parts of a process together, in the order in which they need each other. */
import type { Settings } from '@boxyard/config';
import type { Fleet } from '@boxyard/fleet';
import type { BoxLeases } from '@boxyard/leases';
import type { BackendRegistry } from '@boxyard/sandbox-core';
import type { ActiveBoxes, SessionService } from '@boxyard/sessions';
import { Canary } from './canary.ts';
import { type HostParts, openHosts } from './host-parts.ts';
import { LeaseNotices } from './lease-notices.ts';
import { openLeases } from './lease-parts.ts';
import type { Logger } from './logger.ts';
import { type MachineParts, openMachines, type ServedAt, withMachines } from './machine-parts.ts';
import { openRecord } from './open-record.ts';
import type { OpenedParts } from './opened-parts.ts';
import type { PartsContext } from './parts-context.ts';
import type { RelayOrders } from './relay-orders.ts';
import { type DerivedKeys, deriveKeys } from './secret-key.ts';
import { openBoxes, openSessions } from './session-parts.ts';
import { meterLeaseNotice } from './telemetry/lease-meters.ts';
import { meteredBackends } from './telemetry/metered-provider.ts';
import { Meters } from './telemetry/meters.ts';
import { meterProcess } from './telemetry/process-meters.ts';
import { startTracing } from './telemetry/tracing.ts';
import { toldPointers } from './told-pointers.ts';
import { openUpkeep, type UpkeepParts } from './upkeep.ts';

export interface ServerPartsOptions {
  readonly settings: Settings;
  /** For what OpenTelemetry reads by itself. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly log: Logger;
  /** Named by the program: no package but its `compose.ts` knows a provider. */
  readonly providers: BackendRegistry;
  /** Of a program that machines of users dial; null, or absent, for one that only works on them. */
  readonly served?: ServedAt | null | undefined;
  /** Gets everything that was opened, also when a later part cannot be. */
  readonly opening: OpenedParts;
}

export interface ServerParts
  extends PartsContext,
    HostParts,
    UpkeepParts,
    Pick<DerivedKeys, 'browserSecret'> {
  readonly leases: BoxLeases;
  readonly boxes: ActiveBoxes;
  readonly sessions: SessionService;
  readonly hosts: HostParts;
  readonly canary: Canary;
  /** Null where machines are off. */
  readonly machines: MachineParts | null;
  /** Who lets machines in; null where they are off. */
  readonly fleet: Fleet | null;
}

/**
 * Nothing goes on by itself yet: see `startUpkeep` and `startTurnWorker`.
 *
 * @throws SandboxError when the record cannot be had, or a key cannot be read.
 */
export async function openServerParts(options: ServerPartsOptions): Promise<ServerParts> {
  const { settings, env, version, log, opening } = options;
  opening.use(await startTracing({ env, version }));
  const meters = opening.use(new Meters());
  opening.use(meterProcess(meters, version));
  const onTrouble = (error: unknown) => {
    log.warn({ error }, 'work in the background failed and is tried again');
    meters.count('boxyard_background_failures_total', { stage: 'server' });
  };
  const store = await openRecord({ settings, meters, opening, onTrouble });
  const { sealer, tokenSecret, browserSecret } = await deriveKeys(settings);
  const relayOrders = await openRelayOrders(settings, { opening, onTrouble, tokenSecret });
  const machines = await openMachines(
    { settings, store, meters, log, opening, onTrouble, tokenSecret, relayOrders },
    options.served ?? null,
  );
  meters.startCounters();
  const notices = new LeaseNotices();
  const context: PartsContext = {
    settings,
    version,
    store,
    providers: meteredBackends(withMachines(options.providers, machines), meters),
    meters,
    log,
    opening,
    notices,
    onTrouble,
  };
  const leases = await openLeases(context);
  const boxes = openBoxes(context, { leases, sealer, machines });
  const hosts = openHosts(context, boxes);
  const pointers = relayOrders === null ? store.pointers : toldPointers(store.pointers, relayOrders);
  const sessions = openSessions(context, { leases, boxes, sealer, hosts, machines, pointers });
  const upkeep = openUpkeep(context, { leases, sessions, hosts });
  const canary = openCanary(context, sessions, boxes);
  // The embedded database belongs to this one server: nobody else can be making or stopping a box. Only now,
  // because what it finds is told to parts from all of the above.
  if (settings.databaseUrl === null) await leases.takeOver();
  const fleet = machines?.fleet ?? null;
  return {
    ...context,
    ...hosts,
    ...upkeep,
    browserSecret,
    leases,
    boxes,
    sessions,
    hosts,
    canary,
    machines,
    fleet,
  };
}

/** Null where the relay is in the server. */
async function openRelayOrders(
  { relayUrl }: Pick<Settings, 'relayUrl'>,
  {
    opening,
    onTrouble,
    tokenSecret,
  }: Pick<PartsContext, 'opening' | 'onTrouble'> & Pick<DerivedKeys, 'tokenSecret'>,
): Promise<RelayOrders | null> {
  if (relayUrl === null) return null;
  // What it is told with takes long to load.
  const { RelayOrders } = await import('./relay-orders.ts');
  return opening.use(new RelayOrders({ relayUrl, secret: tokenSecret, onTrouble }));
}

function openCanary(context: PartsContext, sessions: SessionService, boxes: ActiveBoxes): Canary {
  const { store, providers, meters, log, opening, notices } = context;
  // Machines are their owners', and none is made to be tested.
  const backends = providers.backends.filter((backend) => backend !== 'selfhosted');
  const { workspaces } = store;
  const canary = opening.use(new Canary({ sessions, boxes, workspaces, backends, meters, log }));
  notices.subscribe((notice) => {
    const isCanarys = 'groupId' in notice && notice.groupId !== null && canary.owns(notice.groupId);
    if (!isCanarys) meterLeaseNotice(meters, notice);
  });
  return canary;
}
