// What a relay tells of itself: one table for its own /metrics and for a server that has a relay in it.
import type { DropReason, RelayCounters, RelayNow } from './relay-counters.ts';

interface RelayMetric {
  readonly kind: 'gauge' | 'counter';
  readonly description: string;
  readonly labels?: Readonly<Record<string, readonly string[] | 'open'>>;
}

const DROP_REASONS = [
  'view_mode',
  'no_producer',
  'slow_producer',
  'not_a_desktop',
  'duplicate',
] as const satisfies readonly DropReason[];

/** Every metric of a relay by its name; a label with `open` takes any value. */
export const RELAY_METRICS = {
  boxyard_relay_channels: { kind: 'gauge', description: 'Streams at the relay that have at least one side.' },
  boxyard_relay_producers: { kind: 'gauge', description: 'Machines that produce a stream at the relay.' },
  boxyard_relay_viewers: { kind: 'gauge', description: 'Viewers that are connected to the relay.' },
  boxyard_relay_pending_sockets: {
    kind: 'gauge',
    description: 'Sockets at the relay that have not opened a stream yet.',
  },
  boxyard_relay_held_bytes: {
    kind: 'gauge',
    description: 'Bytes that the relay holds for viewers and producers.',
  },
  boxyard_relay_received_bytes_total: {
    kind: 'counter',
    description: 'Bytes of messages that the relay received.',
  },
  boxyard_relay_sent_bytes_total: { kind: 'counter', description: 'Bytes of messages that the relay sent.' },
  boxyard_relay_received_messages_total: {
    kind: 'counter',
    description: 'Messages that the relay received.',
  },
  boxyard_relay_sent_messages_total: { kind: 'counter', description: 'Messages that the relay sent.' },
  boxyard_relay_throttled_total: {
    kind: 'counter',
    description: 'How often the relay made a side wait for its rate.',
  },
  boxyard_relay_nonsense_total: {
    kind: 'counter',
    description: 'Sockets that the relay closed over something that is no message.',
  },
  boxyard_relay_dropped_total: {
    kind: 'counter',
    description: 'Messages that the relay dropped, by why.',
    labels: { reason: DROP_REASONS },
  },
  boxyard_relay_refused_total: {
    kind: 'counter',
    description: 'Sockets that the relay refused, by their close code.',
    labels: { code: 'open' },
  },
  boxyard_relay_cut_total: {
    kind: 'counter',
    description: 'Accepted sockets that the relay closed, by their close code.',
    labels: { code: 'open' },
  },
} as const satisfies Readonly<Record<string, RelayMetric>>;

export type RelayMetricName = keyof typeof RELAY_METRICS;

/** One value of a metric. */
export interface RelayReading {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export type RelayReadings = Readonly<Record<RelayMetricName, readonly RelayReading[]>>;

export function relayReadings(counters: RelayCounters, now: RelayNow): RelayReadings {
  const one = (value: number): readonly RelayReading[] => [{ value }];
  const byCode = (counted: ReadonlyMap<number, number>) =>
    [...counted].map(([code, value]) => ({ value, labels: { code: String(code) } }));
  return {
    boxyard_relay_channels: one(now.channels),
    boxyard_relay_producers: one(now.producers),
    boxyard_relay_viewers: one(now.viewers),
    boxyard_relay_pending_sockets: one(now.pending),
    boxyard_relay_held_bytes: one(now.heldBytes),
    boxyard_relay_received_bytes_total: one(counters.inBytes),
    boxyard_relay_sent_bytes_total: one(counters.outBytes),
    boxyard_relay_received_messages_total: one(counters.inMessages),
    boxyard_relay_sent_messages_total: one(counters.outMessages),
    boxyard_relay_throttled_total: one(counters.throttled),
    boxyard_relay_nonsense_total: one(counters.nonsense),
    boxyard_relay_dropped_total: DROP_REASONS.map((reason) => ({
      value: counters.dropped.get(reason) ?? 0,
      labels: { reason },
    })),
    boxyard_relay_refused_total: byCode(counters.refused),
    boxyard_relay_cut_total: byCode(counters.cut),
  };
}

/** In the text format of Prometheus. */
export function relayMetricsText(readings: RelayReadings): string {
  const lines = Object.entries<readonly RelayReading[]>(readings).flatMap(([name, values]) => {
    const { kind, description } = RELAY_METRICS[name as RelayMetricName];
    return [
      `# HELP ${name} ${description}`,
      `# TYPE ${name} ${kind}`,
      ...values.map(({ value, labels = {} }) => `${name}${labelText(labels)} ${value}`),
    ];
  });
  return `${lines.join('\n')}\n`;
}

/** The values are ours: none holds what would have to be escaped. */
function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
