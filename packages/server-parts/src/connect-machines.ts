/** The NATS that machines of users dial, and who listens there. Loaded only where machines are on: it takes long. */
import { join } from 'node:path';
import type { Settings } from '@boxyard/config';
import {
  ControlConnection,
  createControlUser,
  createFleet,
  createNatsOperator,
  type FleetAddresses,
  MachineIngest,
  MachineInstances,
  type MachineJwtSigner,
  NatsOperator,
  OwnNatsServer,
  pingOver,
  RevocationList,
  signerOf,
} from '@boxyard/fleet';
import { type EnrollmentRecord, SandboxError } from '@boxyard/sandbox-core';
import { machineProvider, NATS_LINK_OPTIONS, NatsControlRpc, refOfMachine } from '@boxyard/selfhosted';
import type { SessionMachines } from '@boxyard/sessions';
import { createRelay, type Relay } from '@boxyard/streaming/relay';
import { readDataFile, writeFirstDataFile } from './data-file.ts';
import type { MachineContext, MachineParts, ServedAt } from './machine-parts.ts';
import type { HeardMachine } from './machine-returns.ts';
import { type ForeignNatsTls, foreignNatsTlsOf, natsTlsOf } from './nats-tls.ts';
import { portRelay } from './port-relay.ts';
import { Repeating } from './repeating.ts';
import { streamAudit } from './stream-audit.ts';
import { StreamFences } from './stream-fences.ts';
import { meterRelay } from './telemetry/relay-meters.ts';

/** The bus of the machines, and who may sign for it. */
interface MachineBus {
  readonly url: string;
  /** Null for a NATS of the user's own. */
  readonly port: number | null;
  readonly signer: MachineJwtSigner;
  /** How it is dialled from here; absent where its address says it all. */
  readonly tls?: OwnNatsServer['tls'] | ForeignNatsTls;
  readonly onRevoked: ((enrollment: EnrollmentRecord) => Promise<void>) | undefined;
}

/** Codes and tokens that have run out are of no use to anybody; a day is for whoever looks into something. */
const ENDED_KEPT_MS = 24 * 3_600_000;
const TRIM_EVERY_MS = 60_000;
const TRIM_BATCH = 1_000;

/**
 * A NATS of the user's own that is away holds nobody up.
 *
 * @throws SandboxError `configuration` when the nats-server cannot be started, half of the settings are missing, or others
 * could read along.
 */
export async function connectMachines(
  context: MachineContext,
  served: ServedAt | null,
): Promise<MachineParts> {
  const { settings, store, meters, opening, onTrouble, tokenSecret, relayOrders } = context;
  const bus =
    settings.machinesNatsUrl === null
      ? await startOwnBus(context)
      : foreignBus(settings, settings.machinesNatsUrl);
  const instances = new MachineInstances(store.machines);
  const connectAs = async (onConnected: ConstructorParameters<typeof ControlConnection>[0]['onConnected']) =>
    opening.use(
      new ControlConnection({
        servers: bus.url,
        user: await createControlUser(bus.signer),
        link: { ...NATS_LINK_OPTIONS, ...(bus.tls === undefined ? {} : { tls: bus.tls }) },
        onConnected,
        onTrouble,
      }),
    );
  const hellos = new Set<(machine: HeardMachine) => void>();
  const onHello = (machine: HeardMachine) => {
    for (const tell of hellos) tell(machine);
  };
  const control = await connectAs(async (connection) => {
    const ingest = new MachineIngest({ connection, registry: store.machines, instances, onHello, onTrouble });
    await ingest.start();
    return ingest;
  });
  // Its own connection, so that output never delays a ping.
  const frames = await connectAs(async () => ({ [Symbol.asyncDispose]: async () => {} }));
  const audit = streamAudit(context);
  const fences = new StreamFences({ pointers: store.pointers, relay: () => relay, onTrouble });
  const relay: Relay = createRelay({
    secret: tokenSecret,
    onNotice: (notice) => {
      audit(notice);
      fences.hear(notice);
    },
  });
  // Its timers, where nobody serves it; whoever does has closed it by then, see `serveStreams`.
  opening.defer(() => relay.close());
  meterRelay(meters, relay);
  const fleet = createFleet({
    enrollments: store.enrollments,
    registry: store.machines,
    tokenSecret,
    signer: bus.signer,
    jwtTtlMs: settings.machineJwtTtlMs,
    addresses: () => addressesOf(settings, bus, served),
    ping: pingOver(() => control.current),
    onRevoked: async (enrollment) => {
      instances.forget({ workspaceId: enrollment.workspaceId, agentId: enrollment.id });
      relay.revoke({ agentId: enrollment.id });
      await relayOrders?.revokeMachine(enrollment.id);
      await bus.onRevoked?.(enrollment);
    },
  });
  opening.use(
    new Repeating(
      async () => void (await fleet.enrollments.trim(new Date(Date.now() - ENDED_KEPT_MS), TRIM_BATCH)),
      TRIM_EVERY_MS,
      onTrouble,
    ),
  );
  const link = new NatsControlRpc({
    connect: async () => control.current,
    connectFrames: async () => frames.current,
    instances,
  });
  // A server of our own is there: whoever asks for a machine next shall not be told that it is away.
  if (bus.port !== null) await Promise.all([control.connected, frames.connected]);
  const sessionMachines: SessionMachines = {
    find: async (workspaceId, machineId) => {
      const found = await store.machines.find(workspaceId, machineId);
      return found?.enrollment.state === 'active' ? fleet.machines.find(workspaceId, machineId) : null;
    },
    list: (workspaceId) => fleet.machines.list(workspaceId),
    refOf: (workspaceId, machineId) => refOfMachine({ workspaceId, agentId: machineId }),
  };
  // The relay in this process is the one that machines dial only where no other server shares their bus.
  const ownRelayUrl = () => (bus.port === null ? '' : (served?.publicUrl() ?? '')) || null;
  return {
    fleet,
    provider: machineProvider({
      link: () => link,
      relay: portRelay(tokenSecret, () => settings.relayUrl ?? ownRelayUrl()),
    }),
    relay,
    sessionMachines,
    onHello: (tell) => {
      hellos.add(tell);
      return () => void hellos.delete(tell);
    },
  };
}

/** A nats-server found on the PATH, with keys that are drawn once and kept beside the data (0600). */
async function startOwnBus({ settings, store, opening, onTrouble }: MachineContext): Promise<MachineBus> {
  const { dataDir, host, machinesNatsPort: port, machineJwtTtlMs: jwtTtlMs } = settings;
  const tls = natsTlsOf(settings);
  const operator = await ensureOperator(dataDir);
  const revocations: RevocationList = new RevocationList({
    jwtTtlMs,
    tell: (current) => server.revoke(current),
    onTrouble,
  });
  for (const revoked of await store.enrollments.revokedSince(revocations.since)) revocations.note(revoked);
  const server: OwnNatsServer = opening.use(
    await OwnNatsServer.start({
      folder: join(dataDir, 'nats'),
      operator,
      host,
      port,
      tls,
      revocations: revocations.current,
      onTrouble,
    }),
  );
  return {
    url: server.url,
    port: server.port,
    tls: server.tls,
    signer: signerOf(operator),
    onRevoked: (enrollment) => revocations.revoke(enrollment),
  };
}

function foreignBus(settings: Settings, url: string): MachineBus {
  const { machinesNatsAccount: account, machinesNatsSigningKey: signingSeed } = settings;
  if (account !== null && signingSeed !== null) {
    const signer = { account, signingSeed };
    return { url, port: null, tls: foreignNatsTlsOf(url, settings), signer, onRevoked: undefined };
  }
  throw new SandboxError(
    'configuration',
    'Machines on a NATS of your own need an account there. Set BOXYARD_MACHINES_NATS_ACCOUNT and BOXYARD_MACHINES_NATS_SIGNING_KEY, or leave BOXYARD_MACHINES_NATS_URL out.',
    { stage: 'machines.nats', started: 'no' },
  );
}

async function ensureOperator(dataDir: string): Promise<NatsOperator> {
  const file = join(dataDir, 'nats-operator.json');
  const kept =
    (await readDataFile(file)) ??
    (await writeFirstDataFile(file, JSON.stringify(await createNatsOperator())));
  return NatsOperator.parse(JSON.parse(kept));
}

function addressesOf(settings: Settings, bus: MachineBus, served: ServedAt | null): FleetAddresses {
  const publicUrl = (settings.publicUrl ?? served?.publicUrl() ?? '').replace(/\/+$/, '');
  // The one in this process, unless there is one of its own.
  const relayUrl = settings.relayUrl ?? publicUrl.replace(/^http/, 'ws');
  const [first, ...rest] = settings.machinesNatsPublicUrls ?? [];
  if (first !== undefined) return { publicUrl, relayUrl, natsUrls: [first, ...rest] };
  const nats =
    bus.port === null
      ? withoutPassword(bus.url)
      : `${bus.tls === undefined ? 'nats' : 'tls'}://${new URL(publicUrl).hostname}:${bus.port}`;
  return { publicUrl, relayUrl, natsUrls: [nats] };
}

/** What the server signs in with is no machine's business. */
function withoutPassword(address: string): string {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href.replace(/\/$/, '');
}
