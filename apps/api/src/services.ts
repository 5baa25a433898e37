import type { ChangeRecorder, OpHost, SharedPtyHost } from '@boxyard/channel-a';
import type { Backend, CanaryReport, Readiness } from '@boxyard/contracts';
import type { Fleet } from '@boxyard/fleet';
import type {
  AuditLog,
  EventLog,
  IdempotencyStore,
  KeyStore,
  LeaseStore,
  Provider,
  UsageStore,
  WorkspaceStore,
} from '@boxyard/sandbox-core';
import type { ActiveBoxes, SessionService } from '@boxyard/sessions';
import type { TurnService } from '@boxyard/turns/service';
import type { AuditTrail } from './audit-trail.ts';
import type { KeyRing } from './key-ring.ts';
import type { SweepService } from './sweep-service.ts';

/** What the routes call. Composed once, by the server. */
export interface ApiServices {
  readonly sessions: SessionService;
  readonly boxes: ActiveBoxes;
  readonly leases: LeaseStore;
  readonly usage: UsageStore;
  readonly sweep: SweepService;
  readonly turns: TurnService;
  /** Signs the cookies of browsers. */
  readonly browserSecret: Uint8Array;
  /** Where people open this server when that is not where it listens. */
  readonly publicUrl: string | null;
  /** Null for a server without machines of users. */
  readonly fleet: Fleet | null;
  readonly ops: OpHost;
  readonly ptys: SharedPtyHost;
  /** Records what changes in boxes without a request. */
  readonly changes: ChangeRecorder;
  readonly events: EventLog;
  readonly audit: AuditLog;
  readonly auditTrail: AuditTrail;
  readonly workspaces: WorkspaceStore;
  readonly keys: KeyStore;
  readonly keyRing: KeyRing;
  readonly idempotency: IdempotencyStore;
  readonly provider: (backend: Backend) => Provider | null;
  /** Ids of the sessions that share a group's box. */
  readonly sessionsOf: (groupId: string) => Promise<readonly string[]>;
  readonly readiness: () => Promise<Readiness>;
  /** The self test of every backend. */
  readonly runCanary: () => Promise<CanaryReport>;
  /** Prometheus' text. */
  readonly renderMetrics: () => Promise<string>;
  /** Opens the metrics without a key; null for none. */
  readonly metricsToken: string | null;
  readonly version: string;
  /** Longest JSON body. */
  readonly bodyLimitBytes: number;
}
