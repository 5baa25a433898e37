/** Machines of users: whether there are any here, and what the API and boxes need of them. */
import type { Server } from 'node:http';
import type { Fleet } from '@boxyard/fleet';
import { type BackendRegistry, createBackendRegistry, type Provider } from '@boxyard/sandbox-core';
import type { SessionMachines } from '@boxyard/sessions';
import type { Relay } from '@boxyard/streaming/relay';
import type { HeardMachine } from './machine-returns.ts';
import type { PartsContext } from './parts-context.ts';
import type { RelayOrders } from './relay-orders.ts';
import type { DerivedKeys } from './secret-key.ts';

export interface MachineParts {
  readonly fleet: Fleet;
  /** Of machines as boxes: asks them and hears their output, each from the newest of its processes. */
  readonly provider: Provider;
  /** Pairs streams of machines with who watches them; see `serveStreams`. */
  readonly relay: Relay;
  readonly sessionMachines: SessionMachines;
  /** Machines that have said hello from now on, at the same moment or again. @returns Ends it. */
  onHello(tell: (machine: HeardMachine) => void): () => void;
}

export type MachineContext = Pick<
  PartsContext,
  'settings' | 'store' | 'meters' | 'log' | 'opening' | 'onTrouble'
> &
  Pick<DerivedKeys, 'tokenSecret'> & {
    /** Of a relay that runs as another process; null where it is the one in this server. */
    readonly relayOrders: RelayOrders | null;
  };

/** Where this server is reached, known once it listens. */
export interface ServedAt {
  readonly publicUrl: () => string;
}

/** Null where machines are off. @throws as `connectMachines` does. */
export async function openMachines(
  context: MachineContext,
  served: ServedAt | null,
): Promise<MachineParts | null> {
  const { machines, machinesNatsUrl } = context.settings;
  // A nats-server of our own belongs to the server that it starts with.
  if (machines === 'off' || (served === null && machinesNatsUrl === null)) return null;
  const { connectMachines } = await import('./connect-machines.ts');
  return connectMachines(context, served);
}

/** Streams of machines come in through this server until the parts are closed. Nothing where machines are off. */
export function serveStreams(
  { machines, opening }: Pick<PartsContext, 'opening'> & { readonly machines: MachineParts | null },
  server: Server,
): void {
  if (machines === null) return;
  machines.relay.attach(server);
  // Before the server: it waits for connections that nobody else ends.
  opening.defer(() => machines.relay.close());
}

/** The same backends, and machines where there are any: they need a link that is there only now. */
export function withMachines(registry: BackendRegistry, machines: MachineParts | null): BackendRegistry {
  if (machines === null) return registry;
  const made = registry.backends.map((backend) => [backend, registry.provider(backend)] as const);
  return createBackendRegistry({ ...Object.fromEntries(made), selfhosted: machines.provider });
}
