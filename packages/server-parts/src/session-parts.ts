import type { BoxLeases } from '@boxyard/leases';
import type { PointerStore, Sealer } from '@boxyard/sandbox-core';
import { ActiveBoxes, SessionService } from '@boxyard/sessions';
import type { HostParts } from './host-parts.ts';
import type { MachineParts } from './machine-parts.ts';
import type { PartsContext } from './parts-context.ts';

export interface BoxParts {
  readonly leases: BoxLeases;
  readonly sealer: Sealer;
  readonly machines: MachineParts | null;
}

/** The one way of this process to the box of a session. */
export const openBoxes = ({ settings, store }: PartsContext, parts: BoxParts): ActiveBoxes =>
  new ActiveBoxes({
    sessions: store.sessions,
    pointers: store.pointers,
    events: store.events,
    leases: parts.leases,
    leaseStore: store.leases,
    sealer: parts.sealer,
    machines: parts.machines?.sessionMachines,
    openDeadlineMs: settings.requestWaitMs,
    cacheMs: settings.credentialCacheMs,
  });

export interface SessionServiceParts extends BoxParts {
  readonly boxes: ActiveBoxes;
  readonly hosts: HostParts;
  /** Through which sessions move. */
  readonly pointers: PointerStore;
}

export function openSessions(context: PartsContext, parts: SessionServiceParts): SessionService {
  const { settings, store, providers, onTrouble } = context;
  const { hosts, machines, ...rest } = parts;
  return new SessionService({
    sessions: store.sessions,
    events: store.events,
    leaseStore: store.leases,
    ...rest,
    machines: machines?.sessionMachines,
    providers,
    defaultBackend: settings.backend,
    openDeadlineMs: settings.requestWaitMs,
    onTrouble,
    endRunning: async ({ session }) => {
      const { id: sessionId, groupId, workspaceId } = session;
      await Promise.all([
        hosts.ops.endSession(sessionId),
        hosts.ptys.endSession({ sessionId, groupId, workspaceId }),
      ]);
    },
  });
}
