import type { EnrollmentRecord, EnrollmentStore, MachineRegistry } from '@boxyard/sandbox-core';
import { CredentialMint, type FleetAddresses } from './credential-mint.ts';
import { CredentialRenewal } from './credential-renewal.ts';
import { DeviceEnrollment } from './device-enrollment.ts';
import { Enrollments } from './enrollments.ts';
import { type MachineJwtSigner, MachineJwts } from './machine-jwt.ts';
import type { PingMachine } from './machine-sighting.ts';
import { Machines } from './machines.ts';
import { TokenEnrollment } from './token-enrollment.ts';

export interface FleetOptions {
  readonly enrollments: EnrollmentStore;
  readonly registry: MachineRegistry;
  /** From `deriveTokenSecret`. */
  readonly tokenSecret: string | Uint8Array;
  readonly signer: MachineJwtSigner;
  /** How long a JWT of a machine opens the bus. */
  readonly jwtTtlMs: number;
  readonly addresses: () => FleetAddresses;
  readonly ping: PingMachine;
  /** Cuts the connection of a machine that was revoked; without it, it ends with its JWT. */
  readonly onRevoked?: (enrollment: EnrollmentRecord) => Promise<void>;
  readonly now?: () => Date;
}

/** Everything that a control plane does about machines. */
export interface Fleet {
  readonly devices: DeviceEnrollment;
  readonly tokens: TokenEnrollment;
  readonly renewal: CredentialRenewal;
  readonly enrollments: Enrollments;
  readonly machines: Machines;
  readonly addresses: () => FleetAddresses;
}

/** Opens nothing: the bus is reached through `ping` and `onRevoked`. */
export function createFleet(options: FleetOptions): Fleet {
  const { enrollments: store, registry, tokenSecret, addresses, ping, onRevoked } = options;
  const now = options.now ?? (() => new Date());
  const jwts = new MachineJwts(options.signer, options.jwtTtlMs);
  const mint = new CredentialMint({ jwts, tokenSecret, addresses, now });
  return {
    devices: new DeviceEnrollment({ store, mint }),
    tokens: new TokenEnrollment({ store, mint, tokenSecret, now }),
    renewal: new CredentialRenewal({ store, mint, tokenSecret, now }),
    enrollments: new Enrollments({ store, ...(onRevoked === undefined ? {} : { onRevoked }) }),
    machines: new Machines({ registry, ping }),
    addresses,
  };
}
