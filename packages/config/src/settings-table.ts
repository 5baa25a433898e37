// Every setting of the server and the command line, as data: what is read, what is documented, what is checked.
import { BACKENDS } from '@boxyard/contracts';
import type { z } from 'zod';
import { AGENT_SETTINGS } from './agent-settings.ts';
import { DOCKER_SETTINGS } from './docker-settings.ts';
import { HOLDER_SETTINGS } from './holder-settings.ts';
import { MACHINE_SETTINGS } from './machine-settings.ts';
import { RELAY_SETTINGS } from './relay-settings.ts';
import {
  choice,
  durationMs,
  folder,
  listenHost,
  retentionMs,
  url,
  wholeNumber,
  word,
} from './value-kinds.ts';

export interface Setting {
  /** The environment variable. */
  readonly name: `BOXYARD_${string}`;
  readonly schema: z.ZodType<unknown, string>;
  /** As one would write it; null when the setting may be absent. */
  readonly default: string | null;
  /** What the value counts in; empty for words. */
  readonly unit: '' | 'ms' | 'bytes' | 'path' | 'count';
  readonly group: SettingGroup;
  readonly description: string;
  /** Its value is never repeated in an error. */
  readonly secret?: true;
}

/** The sections of the documentation, in order. */
export const SETTING_GROUPS = [
  'Server',
  'Boxes',
  'Holders',
  'Requests',
  'Retention',
  'Machines',
  'Agent',
  'Relay',
] as const;
export type SettingGroup = (typeof SETTING_GROUPS)[number];

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

/** The table. Its keys are the names in `Settings`. */
export const SETTINGS = {
  dataDir: {
    name: 'BOXYARD_DATA_DIR',
    schema: folder(),
    default: '.boxyard',
    unit: 'path',
    group: 'Server',
    description: 'Where the server keeps its database, boxes, archives and keys.',
  },
  databaseUrl: {
    name: 'BOXYARD_DATABASE_URL',
    schema: url(['postgres', 'postgresql']),
    default: null,
    unit: '',
    group: 'Server',
    description: 'A PostgreSQL of your own. Absent: an embedded one in the data folder.',
    secret: true,
  },
  natsUrl: {
    name: 'BOXYARD_NATS_URL',
    schema: word(8, 2_048),
    default: null,
    unit: '',
    group: 'Server',
    description:
      'nats://host:4222, several between commas: carries the news of events between processes on one database; all of them have it or none. Absent: the database does.',
    secret: true,
  },
  host: {
    name: 'BOXYARD_HOST',
    schema: listenHost(),
    default: '127.0.0.1',
    unit: '',
    group: 'Server',
    description: 'Where the server listens. Anything but loopback lets other machines reach it.',
  },
  port: {
    name: 'BOXYARD_PORT',
    schema: wholeNumber(0, 65_535),
    default: '7070',
    unit: '',
    group: 'Server',
    description: 'The port of the server; 0 takes any free one.',
  },
  workerPort: {
    name: 'BOXYARD_WORKER_PORT',
    schema: wholeNumber(0, 65_535),
    default: null,
    unit: '',
    group: 'Server',
    description:
      'Where a boxyard-worker tells its health and its metrics, on loopback; 0 takes any free port. Absent: nowhere.',
  },
  url: {
    name: 'BOXYARD_URL',
    schema: url(['http', 'https']),
    default: null,
    unit: '',
    group: 'Server',
    description: 'For the command line: which server to talk to. Absent: the one of the data folder.',
  },
  token: {
    name: 'BOXYARD_TOKEN',
    schema: word(8, 512),
    default: null,
    unit: '',
    group: 'Server',
    description:
      'For the server: its first key instead of a made-up one. For the command line: the key to show.',
    secret: true,
  },
  secretKey: {
    name: 'BOXYARD_SECRET_KEY',
    schema: word(32, 512),
    default: null,
    unit: '',
    group: 'Server',
    description:
      'Encrypts stored environment values and signs stream tokens; at least 32 random characters. Absent: a key file of mode 0600 in the data folder.',
    secret: true,
  },
  metricsToken: {
    name: 'BOXYARD_METRICS_TOKEN',
    schema: word(8, 512),
    default: null,
    unit: '',
    group: 'Server',
    description: 'Opens /metrics besides every key with metrics:read, and also while the database is away.',
    secret: true,
  },
  logLevel: {
    name: 'BOXYARD_LOG_LEVEL',
    schema: choice(LOG_LEVELS),
    default: 'info',
    unit: '',
    group: 'Server',
    description: `One of ${LOG_LEVELS.join(', ')}.`,
  },
  canaryIntervalMs: {
    name: 'BOXYARD_CANARY_INTERVAL_MS',
    schema: durationMs(0),
    default: '0',
    unit: 'ms',
    group: 'Server',
    description: 'How often a small box is made on each backend and a marker command run in it. 0 for never.',
  },
  shutdownGraceMs: {
    name: 'BOXYARD_SHUTDOWN_GRACE_MS',
    schema: durationMs(0),
    default: String(10 * SECOND),
    unit: 'ms',
    group: 'Server',
    description: 'How long running requests get after SIGTERM. Boxes stay.',
  },
  backend: {
    name: 'BOXYARD_BACKEND',
    schema: choice(BACKENDS),
    default: 'local',
    unit: '',
    group: 'Boxes',
    description: 'Where a session gets its box when it does not say.',
  },
  ...DOCKER_SETTINGS,
  idleGraceMs: {
    name: 'BOXYARD_IDLE_GRACE_MS',
    schema: durationMs(0),
    default: String(15 * MINUTE),
    unit: 'ms',
    group: 'Boxes',
    description: 'How long a box stays once nothing keeps it.',
  },
  warmingTtlMs: {
    name: 'BOXYARD_WARMING_TTL_MS',
    schema: durationMs(1),
    default: String(10 * MINUTE),
    unit: 'ms',
    group: 'Boxes',
    description: 'How long whoever makes a box may be silent before another takes over.',
  },
  terminatingTtlMs: {
    name: 'BOXYARD_TERMINATING_TTL_MS',
    schema: durationMs(1),
    default: String(90 * SECOND),
    unit: 'ms',
    group: 'Boxes',
    description: 'How long a reaper may be silent while it captures and stops a box.',
  },
  reaperPeriodMs: {
    name: 'BOXYARD_REAPER_PERIOD_MS',
    schema: durationMs(1),
    default: String(30 * SECOND),
    unit: 'ms',
    group: 'Boxes',
    description: 'How often expired leases are looked for; boxes without a lease at every second turn.',
  },
  captureIntervalMs: {
    name: 'BOXYARD_CAPTURE_INTERVAL_MS',
    schema: durationMs(1),
    default: String(MINUTE),
    unit: 'ms',
    group: 'Boxes',
    description: 'How often a changed local or Docker box is saved while it is up.',
  },
  cloudCaptureIntervalMs: {
    name: 'BOXYARD_CLOUD_CAPTURE_INTERVAL_MS',
    schema: durationMs(1),
    default: String(15 * MINUTE),
    unit: 'ms',
    group: 'Boxes',
    description: 'The same for every other backend, where a transfer is dear.',
  },
  captureRetryMs: {
    name: 'BOXYARD_CAPTURE_RETRY_MS',
    schema: durationMs(1),
    default: String(MINUTE),
    unit: 'ms',
    group: 'Boxes',
    description: 'How long a failed save waits before it is tried again; doubles up to the idle grace.',
  },
  destroyRetryMs: {
    name: 'BOXYARD_DESTROY_RETRY_MS',
    schema: durationMs(1, HOUR),
    default: String(30 * SECOND),
    unit: 'ms',
    group: 'Boxes',
    description: 'How long a box that could not be destroyed waits for the next try; doubles up to an hour.',
  },
  lifetimeMarginMs: {
    name: 'BOXYARD_LIFETIME_MARGIN_MS',
    schema: durationMs(0),
    default: String(2 * MINUTE),
    unit: 'ms',
    group: 'Boxes',
    description: "How long before its provider's hard end a box is saved and replaced.",
  },
  ...HOLDER_SETTINGS,
  requestWaitMs: {
    name: 'BOXYARD_REQUEST_WAIT_MS',
    schema: durationMs(0, HOUR),
    default: String(30 * SECOND),
    unit: 'ms',
    group: 'Requests',
    description: 'How long an operation waits for its box before it answers 503.',
  },
  bodyLimitBytes: {
    name: 'BOXYARD_BODY_LIMIT_BYTES',
    schema: wholeNumber(1024, GIB),
    default: String(8 * MIB),
    unit: 'bytes',
    group: 'Requests',
    description: 'The largest JSON body; longer ones are 413. Streamed files and archives have no limit.',
  },
  sseCommentMs: {
    name: 'BOXYARD_SSE_COMMENT_MS',
    schema: durationMs(1),
    default: String(15 * SECOND),
    unit: 'ms',
    group: 'Requests',
    description: 'How often a quiet event stream sends a comment, so that proxies keep it open.',
  },
  credentialCacheMs: {
    name: 'BOXYARD_CREDENTIAL_CACHE_MS',
    schema: durationMs(0, MINUTE),
    default: String(5 * SECOND),
    unit: 'ms',
    group: 'Requests',
    description: 'How long a key or session that was looked up is believed; a revoke drops it at once.',
  },
  idempotencyTtlMs: {
    name: 'BOXYARD_IDEMPOTENCY_TTL_MS',
    schema: retentionMs(),
    default: String(DAY),
    unit: 'ms',
    group: 'Retention',
    description: 'How long an Idempotency-Key is remembered.',
  },
  eventRetentionMs: {
    name: 'BOXYARD_EVENT_RETENTION_MS',
    schema: retentionMs(),
    default: String(30 * DAY),
    unit: 'ms',
    group: 'Retention',
    description: "How long a session's events are kept.",
  },
  auditRetentionMs: {
    name: 'BOXYARD_AUDIT_RETENTION_MS',
    schema: retentionMs(),
    default: String(365 * DAY),
    unit: 'ms',
    group: 'Retention',
    description: 'How long the audit is kept. Nothing else removes an entry of it.',
  },
  usageRetentionMs: {
    name: 'BOXYARD_USAGE_RETENTION_MS',
    schema: retentionMs(),
    default: String(400 * DAY),
    unit: 'ms',
    group: 'Retention',
    description:
      'How long it is kept when a box was up. What counts for the budgets of this month stays in any case.',
  },
  opRetentionMs: {
    name: 'BOXYARD_OP_RETENTION_MS',
    schema: retentionMs(),
    default: String(HOUR),
    unit: 'ms',
    group: 'Retention',
    description: 'How long a command that has ended can still be asked for.',
  },
  opSpoolBytes: {
    name: 'BOXYARD_OP_SPOOL_BYTES',
    schema: wholeNumber(MIB, 1024 * GIB),
    default: String(GIB),
    unit: 'bytes',
    group: 'Retention',
    description: 'How much output of one command a box keeps; a command that exceeds it is ended.',
  },
  boxSpoolBytes: {
    name: 'BOXYARD_BOX_SPOOL_BYTES',
    schema: wholeNumber(MIB, 1024 * GIB),
    default: String(GIB),
    unit: 'bytes',
    group: 'Retention',
    description:
      'How much output of all its commands a box keeps; beyond it the oldest that have ended are forgotten.',
  },
  opEventBytes: {
    name: 'BOXYARD_OP_EVENT_BYTES',
    schema: wholeNumber(0, GIB),
    default: String(MIB),
    unit: 'bytes',
    group: 'Retention',
    description: "How much output of one command goes to the session's events; its own stream has all.",
  },
  formerArchives: {
    name: 'BOXYARD_FORMER_ARCHIVES',
    schema: wholeNumber(0, 100),
    default: '1',
    unit: 'count',
    group: 'Retention',
    description: 'How many saved workspaces are kept besides the current one.',
  },
  ...MACHINE_SETTINGS,
  ...AGENT_SETTINGS,
  ...RELAY_SETTINGS,
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingKey = keyof typeof SETTINGS;

type Table = typeof SETTINGS;

/** The typed settings. One that may be absent is null then. */
export type Settings = {
  readonly [Key in SettingKey]: Table[Key]['default'] extends null
    ? z.output<Table[Key]['schema']> | null
    : z.output<Table[Key]['schema']>;
};
