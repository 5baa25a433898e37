export { BEARER_TTL_MS, CredentialMint, type FleetAddresses, RELAY_TOKEN_TTL_MS } from './credential-mint.ts';
export { CredentialRenewal, type RenewalProof } from './credential-renewal.ts';
export { DeviceEnrollment, type PolledGrant, type StartedGrant } from './device-enrollment.ts';
export { Enrollments } from './enrollments.ts';
export { createFleet, type Fleet, type FleetOptions } from './fleet.ts';
export { type MachineJwtSigner, MachineJwts, machinePermissions } from './machine-jwt.ts';
export { judgeSighting, type PingMachine, type PingOutcome } from './machine-sighting.ts';
export { Machines } from './machines.ts';
export {
  createNatsOperatorKeys,
  encodeMachineAccount,
  NatsOperatorKeys,
  natsTrustConfig,
  type Revocations,
  signerOf,
} from './nats-operator.ts';
export { ENROLLMENT_RATE_LIMITS, type LimitedRoute, type RateLimit, TokenBuckets } from './rate-limits.ts';
export { RefusedCredential } from './refused-credential.ts';
export { TokenEnrollment } from './token-enrollment.ts';
