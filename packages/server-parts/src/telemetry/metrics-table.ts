/** Every metric that this server tells: the one source of what /metrics serves and of docs/metrics.md. */
import { RELAY_METRICS } from '@boxyard/streaming';

export interface MetricDescription {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly description: string;
  /** Each label with all its values, where they are few and known: such a counter is told from the start, as 0. */
  readonly labels?: Readonly<Record<string, readonly string[] | 'open'>>;
  /** Upper bounds in seconds. */
  readonly buckets?: readonly number[];
  /** Read from the record, so every server on one database tells the same: take the maximum, never the sum. */
  readonly shared?: true;
}

const FAST = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const SLOW = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600];

const STATES = ['cold', 'warming', 'warm', 'draining', 'replacing', 'terminating'];

export const METRICS = {
  boxyard_build_info: {
    kind: 'gauge',
    description: 'Always 1; its label is the version that runs.',
    labels: { version: 'open' },
  },
  boxyard_http_request_duration_seconds: {
    kind: 'histogram',
    description:
      'Requests by declared route and status, until their answer begins. A 401 is counted here and stored nowhere.',
    labels: { route: 'open', status: 'open' },
    buckets: FAST,
  },
  boxyard_boxes: {
    kind: 'gauge',
    description:
      'Boxes that are up, being made, or parked (cold), by provider; those of the canary left out.',
    labels: { provider: 'open', state: STATES },
    shared: true,
  },
  boxyard_lease_transitions_total: {
    kind: 'counter',
    description: 'Changes of the state of a lease.',
    labels: { from: STATES, to: STATES },
  },
  boxyard_boxes_made_total: {
    kind: 'counter',
    description: 'Boxes that were made anew, found again, or could not be had.',
    labels: { outcome: ['created', 'resumed', 'failed'] },
  },
  boxyard_restores_total: {
    kind: 'counter',
    description: 'Workspaces that were brought into a box, by what their receipt says.',
    labels: { kind: ['EXACT', 'STALE', 'INCOMPLETE'] },
  },
  boxyard_captures_total: {
    kind: 'counter',
    description: 'Workspaces that were saved, or could not be.',
    labels: { outcome: ['done', 'failed'] },
  },
  boxyard_captured_bytes_total: { kind: 'counter', description: 'Bytes of the saved archives.' },
  boxyard_uncaptured_age_seconds: {
    kind: 'gauge',
    description: 'How long ago the oldest change was told that no archive holds yet; 0 when there is none.',
    shared: true,
  },
  boxyard_holders_lost_total: {
    kind: 'counter',
    description: 'Holders whose box was taken from them: replaced, stopped, or kept by nobody in time.',
  },
  boxyard_provider_call_duration_seconds: {
    kind: 'histogram',
    description: 'Calls of providers that make, find, stop or destroy a box.',
    labels: {
      provider: 'open',
      call: ['create', 'resume', 'park', 'destroy'],
      outcome: ['done', 'failed'],
    },
    buckets: FAST,
  },
  boxyard_condemned_boxes: {
    kind: 'gauge',
    description: 'Boxes that have to be destroyed and are there still.',
    shared: true,
  },
  boxyard_boxes_destroyed_total: {
    kind: 'counter',
    description: 'Attempts to destroy a condemned box.',
    labels: { outcome: ['done', 'failed'] },
  },
  boxyard_boxes_swept_total: {
    kind: 'counter',
    description: 'Boxes of ours that no lease named, found by a sweep and condemned.',
  },
  boxyard_background_failures_total: {
    kind: 'counter',
    description: 'Work in the background that failed and is tried again, by its step.',
    labels: { stage: 'open' },
  },
  boxyard_ops_started_total: { kind: 'counter', description: 'Commands that were recorded to run.' },
  boxyard_ops_ended_total: {
    kind: 'counter',
    description:
      'Commands that ended: with a status (done), proven never to have run (not-started), or nobody knows how (unknown).',
    labels: { outcome: ['done', 'not-started', 'unknown'] },
  },
  boxyard_op_duration_seconds: {
    kind: 'histogram',
    description: 'Commands that ended with a status, from their start to their end.',
    buckets: SLOW,
  },
  boxyard_ops_running: {
    kind: 'gauge',
    description: 'Commands that are recorded as running.',
    shared: true,
  },
  boxyard_events_appended_total: {
    kind: 'counter',
    description: "Events that were written to sessions' logs.",
  },
  boxyard_audit_troubles_total: {
    kind: 'counter',
    description: 'Entries of the audit that had to wait for the database, or were lost.',
    labels: { outcome: ['waiting', 'lost'] },
  },
  boxyard_canary_runs_total: {
    kind: 'counter',
    description: 'Self tests: a box is made, a marker command runs in it, the box is destroyed.',
    labels: { backend: 'open', outcome: ['ok', 'failed'] },
  },
  boxyard_canary_duration_seconds: {
    kind: 'histogram',
    description: 'Self tests that succeeded, from the making of the box to its marker.',
    labels: { backend: 'open' },
    buckets: FAST,
  },
  boxyard_canary_last_success_timestamp_seconds: {
    kind: 'gauge',
    description: 'When the last self test of this server succeeded, in Unix time.',
    labels: { backend: 'open' },
  },
  boxyard_database_up: {
    kind: 'gauge',
    description: '1 when the database answered this scrape, else 0; what is read from it is left out then.',
  },
  boxyard_database_statements_running: {
    kind: 'gauge',
    description: 'Statements of this server that wait for their answer, or for a connection.',
  },
  boxyard_database_connections_max: {
    kind: 'gauge',
    description: 'Connections that this server uses at most at a time.',
  },
  boxyard_database_failures_total: {
    kind: 'counter',
    description: 'Statements that were refused or not answered.',
  },
  ...RELAY_METRICS,
  process_resident_memory_bytes: { kind: 'gauge', description: 'Memory of the server process.' },
  process_cpu_seconds_total: { kind: 'counter', description: 'Processor time of the server process.' },
  process_start_time_seconds: { kind: 'gauge', description: 'When the process started, in Unix time.' },
  nodejs_heap_size_used_bytes: { kind: 'gauge', description: 'JavaScript objects in memory.' },
  nodejs_eventloop_lag_p99_seconds: {
    kind: 'gauge',
    description: 'How late timers were since the last scrape, 99th percentile.',
  },
} as const satisfies Readonly<Record<string, MetricDescription>>;

export type MetricName = keyof typeof METRICS;

export type MetricOf<Kind extends MetricDescription['kind']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];
