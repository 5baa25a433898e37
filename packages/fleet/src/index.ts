export { ControlConnection, type ControlConnectionOptions } from './control-connection.ts';
export { type ControlUserOptions, createControlUser } from './control-user.ts';
export { BEARER_TTL_MS, CredentialMint, type FleetAddresses, RELAY_TOKEN_TTL_MS } from './credential-mint.ts';
export { CredentialRenewal, type RenewalProof } from './credential-renewal.ts';
export { DeviceEnrollment, type PolledGrant, type StartedGrant } from './device-enrollment.ts';
export { Enrollments } from './enrollments.ts';
export { createFleet, type Fleet, type FleetOptions } from './fleet.ts';
export { MachineIngest, type MachineIngestOptions } from './machine-ingest.ts';
export { MachineInstances } from './machine-instances.ts';
export { type MachineJwtSigner, MachineJwts, machinePermissions } from './machine-jwt.ts';
export { judgeSighting, type PingMachine, type PingOutcome } from './machine-sighting.ts';
export { Machines } from './machines.ts';
export {
  createNatsOperator,
  NatsOperator,
  natsTrustConfig,
  type Revocations,
  signerOf,
} from './nats-operator.ts';
export { OwnNatsServer, type OwnNatsServerOptions } from './own-nats-server.ts';
export type { NatsTlsFiles } from './own-server-tls.ts';
export { pingOver } from './ping-machine.ts';
export { ENROLLMENT_RATE_LIMITS, type LimitedRoute, type RateLimit, TokenBuckets } from './rate-limits.ts';
export { RefusedCredential } from './refused-credential.ts';
export { RevocationList } from './revocation-list.ts';
export { TokenEnrollment } from './token-enrollment.ts';
