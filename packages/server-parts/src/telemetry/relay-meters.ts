import { RELAY_METRICS, type RelayMetricName } from '@boxyard/streaming';
import type { Relay } from '@boxyard/streaming/relay';
import type { Meters } from './meters.ts';

/** Tells what goes through the relay in this process. */
export function meterRelay(meters: Meters, relay: Pick<Relay, 'readings'>): void {
  meters.readOnDemand(Object.keys(RELAY_METRICS) as RelayMetricName[], async () => relay.readings());
}
