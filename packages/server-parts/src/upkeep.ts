/** What goes on by itself: boxes that nobody needs any more, records that are too old, commands of hosts that died. */
import { ArchiveSweep, type BoxLeases, Reaper, Sweep } from '@boxyard/leases';
import { HOST_SILENT_MS } from '@boxyard/sandbox-core';
import { Retention, type SessionService } from '@boxyard/sessions';
import type { Canary } from './canary.ts';
import type { HostParts } from './host-parts.ts';
import type { MachineParts } from './machine-parts.ts';
import { MachineReturns } from './machine-returns.ts';
import type { PartsContext } from './parts-context.ts';
import { Repeating } from './repeating.ts';

export interface UpkeepParts {
  readonly retention: Retention;
  readonly sweep: Sweep;
  readonly reaper: Reaper;
}

/** What `startUpkeep` needs of a process. */
export type StartUpkeepParts = Pick<PartsContext, 'settings' | 'store' | 'opening' | 'onTrouble'> &
  UpkeepParts & {
    readonly hosts: HostParts;
    readonly canary: Canary;
    readonly machines: Pick<MachineParts, 'onHello'> | null;
  };

const RETENTION_EVERY_MS = 60_000;
/** Commands whose box did not answer at start are looked after again this often. */
const ADOPT_EVERY_MS = 30_000;

/** Does nothing by itself before `startUpkeep`. */
export function openUpkeep(
  { settings, store, opening }: PartsContext,
  parts: { readonly leases: BoxLeases; readonly sessions: SessionService; readonly hosts: HostParts },
): UpkeepParts {
  const { leases, sessions, hosts } = parts;
  const retention = new Retention({
    sessions: store.sessions,
    service: sessions,
    events: store.events,
    idempotency: store.idempotency,
    audit: store.audit,
    usage: store.usage,
    sweepOps: () => hosts.ops.sweepExpired({ keptMs: settings.opRetentionMs }),
    settings: {
      eventsMs: settings.eventRetentionMs,
      idempotencyMs: settings.idempotencyTtlMs,
      auditMs: settings.auditRetentionMs,
      usageMs: settings.usageRetentionMs,
    },
  });
  const sweep = new Sweep(leases.context);
  const archives = new ArchiveSweep(leases.context);
  const reaper = opening.use(new Reaper(leases.context, { sweep, archives }));
  return { retention, sweep, reaper };
}

/** What was said last by a server that has ended may have arrived a moment later. */
const LAST_BEAT_MS = 1_000;
/** Nobody else follows commands of an embedded database. */
const takeOverAfterMs = ({ databaseUrl }: Pick<PartsContext['settings'], 'databaseUrl'>): number =>
  databaseUrl === null ? 0 : HOST_SILENT_MS + LAST_BEAT_MS;

/** From now on until the parts are closed. Commands that run already are looked after before it resolves. */
export async function startUpkeep(parts: StartUpkeepParts): Promise<void> {
  const { settings, store, opening, onTrouble, hosts, retention, reaper, canary, machines } = parts;
  await hosts.ptys.start();
  if (machines !== null) {
    const { sessions } = store;
    const returns = opening.use(
      new MachineReturns({ ops: hosts.ops, sessions, onTrouble, silentMs: takeOverAfterMs(settings) }),
    );
    opening.defer(machines.onHello((machine) => returns.note(machine)));
  }
  await hosts.ops.adoptRunning();
  opening.use(new Repeating(async () => void (await hosts.ops.adoptRunning()), ADOPT_EVERY_MS, onTrouble));
  opening.use(new Repeating(() => retention.tick(), RETENTION_EVERY_MS, onTrouble));
  reaper.start();
  if (settings.canaryIntervalMs > 0) canary.repeat(settings.canaryIntervalMs, onTrouble);
}
