export { createRelay, type Relay } from './create-relay.ts';
export type { RelayNow } from './relay-counters.ts';
export { DEFAULT_RELAY_LIMITS, type RelayLimits } from './relay-limits.ts';
export type { RelayReading, RelayReadings } from './relay-metrics.ts';
export type { RelayNotice, RelayOptions } from './relay-options.ts';
export { type RelayOrder, tellRelay } from './relay-order.ts';
export { relaySecret } from './relay-secret.ts';
export type { RelayTicket, TokenHolder, ViewerTicket } from './relay-ticket.ts';
export type { RevokedStreams } from './revocations.ts';
