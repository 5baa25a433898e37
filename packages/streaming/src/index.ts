export { RELAY_METRICS, type RelayMetricName } from './relay/relay-metrics.ts';
export { type StreamEndpoint, streamUrl } from './stream-url.ts';
