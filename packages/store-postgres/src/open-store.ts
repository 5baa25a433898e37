import type {
  ArtifactLedger,
  AuditLog,
  Bus,
  EnrollmentStore,
  EventLog,
  HostCalls,
  IdempotencyStore,
  KeyStore,
  LeaseStore,
  MachineRegistry,
  OpStore,
  PointerStore,
  PtyRegistry,
  SessionStore,
  TurnStore,
  UsageStore,
  WorkspaceStore,
} from '@boxyard/sandbox-core';
import { PostgresArtifactLedger } from './artifact-ledger.ts';
import { PostgresAuditLog } from './audit-log.ts';
import { type Census, type CensusOptions, takeCensus } from './census.ts';
import { Database, type DatabaseActivity, type DatabaseAddress, type StatementListener } from './connect.ts';
import { ensureDeploymentId } from './deployment-id.ts';
import type { EmbeddedPostgresOptions } from './embedded/embedded-postgres.ts';
import { KeptPostgres } from './embedded/kept-postgres.ts';
import { PostgresEnrollmentStore } from './enrollment-store.ts';
import { PostgresEventLog } from './event-log.ts';
import { EventSignals } from './event-signals.ts';
import { folderSizeBytes } from './folder-size.ts';
import { PostgresHostCalls } from './host-calls.ts';
import { PostgresIdempotencyStore } from './idempotency-store.ts';
import { PostgresKeyStore } from './key-store.ts';
import { PostgresLeaseStore } from './lease-store.ts';
import { PostgresMachineRegistry } from './machine-registry.ts';
import { migrate } from './migrate.ts';
import { Notifications } from './notifications.ts';
import { PostgresOpStore } from './op-store.ts';
import { PostgresPointerStore } from './pointer-store.ts';
import { PostgresPtyRegistry } from './pty-registry.ts';
import { PostgresSessionStore } from './session-store.ts';
import { TurnQueueOnDemand } from './turn-queue/turn-queue-on-demand.ts';
import { PostgresTurnStore } from './turn-store.ts';
import { PostgresUsageStore } from './usage-store.ts';
import { PostgresWorkspaceStore } from './workspace-store.ts';

export type OpenStoreOptions = (DatabaseAddress | { readonly embedded: EmbeddedPostgresOptions }) & {
  /** Connections for statements, besides the one that listens. Default 10. */
  readonly maxConnections?: number;
  /** Carries the news of events between processes; every process on one record has it, or none. Closed by its owner. */
  readonly bus?: Bus | undefined;
};

/** Everything that is recorded. One of these in each process; they meet in the database. */
export interface PostgresStore extends AsyncDisposable {
  readonly sessions: SessionStore;
  readonly pointers: PointerStore;
  readonly events: EventLog;
  readonly ops: OpStore;
  readonly keys: KeyStore;
  readonly workspaces: WorkspaceStore;
  readonly idempotency: IdempotencyStore;
  readonly leases: LeaseStore;
  readonly artifacts: ArtifactLedger;
  readonly usage: UsageStore;
  /**
   * Names the installation in the tags of its boxes: the id on record, or else `proposed`, which is kept. Every
   * server on the same database is answered the same.
   */
  deploymentId(proposed: string): Promise<string>;
  readonly audit: AuditLog;
  readonly ptys: PtyRegistry;
  readonly hostCalls: HostCalls;
  readonly turns: TurnStore;
  readonly enrollments: EnrollmentStore;
  readonly machines: MachineRegistry;
  /** Calls back for each statement that is sent, with its text and never its parameters. Answers how to stop. */
  onStatement(listener: StatementListener): () => void;
  /** How much of everything is recorded now; one statement. */
  census(options: CensusOptions): Promise<Census>;
  /** How busy the connections of this process are. */
  activity(): DatabaseActivity;
  /** What the data takes on disk: the whole folder when embedded, else the database. */
  dataSizeBytes(): Promise<number>;
  /** Throws `unreachable` when the database does not answer a statement. */
  ping(): Promise<void>;
  /** Lets go of the connections, then ends the embedded PostgreSQL. May be called again. */
  close(): Promise<void>;
}

/**
 * Opens the record of a server: starts the embedded PostgreSQL unless an address is given, and brings its
 * schema up to date.
 *
 * @throws SandboxError `configuration` when it cannot run or is newer than this version, `conflict` when
 * another server has the data folder, `unreachable` when the given database does not answer.
 */
export async function openStore(options: OpenStoreOptions): Promise<PostgresStore> {
  const embedded = 'embedded' in options ? await KeptPostgres.start(options.embedded) : null;
  const address: DatabaseAddress =
    embedded === null
      ? (options as DatabaseAddress)
      : {
          // Where the present one listens: it may have been started again since.
          get connection() {
            return embedded.connection;
          },
        };
  const database = new Database({
    address,
    ...(options.maxConnections === undefined ? {} : { maxConnections: options.maxConnections }),
  });
  try {
    await migrate(database);
    return assembleStore({ database, address, embedded, bus: options.bus ?? null });
  } catch (error) {
    await database.close();
    await embedded?.stop();
    throw error;
  }
}

interface StoreParts {
  readonly database: Database;
  readonly address: DatabaseAddress;
  readonly embedded: KeptPostgres | null;
  readonly bus: Bus | null;
}

function assembleStore({ database, address, embedded, bus }: StoreParts): PostgresStore {
  const notifications = new Notifications(address);
  const signals = new EventSignals(notifications, bus);
  const turnQueue = new TurnQueueOnDemand(address);
  const close = async () => {
    await notifications.close();
    await turnQueue.close();
    await database.close();
    await embedded?.stop();
  };
  return {
    sessions: new PostgresSessionStore(database),
    pointers: new PostgresPointerStore(database, notifications, signals),
    events: new PostgresEventLog(database, signals),
    ops: new PostgresOpStore(database, signals),
    keys: new PostgresKeyStore(database, notifications),
    workspaces: new PostgresWorkspaceStore(database),
    idempotency: new PostgresIdempotencyStore(database),
    leases: new PostgresLeaseStore(database, notifications),
    artifacts: new PostgresArtifactLedger(database),
    usage: new PostgresUsageStore(database),
    deploymentId: (proposed) => ensureDeploymentId(database, proposed),
    audit: new PostgresAuditLog(database),
    ptys: new PostgresPtyRegistry(database, signals),
    hostCalls: new PostgresHostCalls(database, notifications),
    enrollments: new PostgresEnrollmentStore(database),
    machines: new PostgresMachineRegistry(database),
    turns: new PostgresTurnStore({ database, notifications, queue: turnQueue, signals }),
    onStatement: (listener) => database.onStatement(listener),
    census: (options) => takeCensus(database, options),
    activity: () => database.activity,
    dataSizeBytes: () =>
      embedded === null ? databaseSizeBytes(database) : folderSizeBytes(embedded.dataDir),
    ping: async () => {
      await database.run('Asking the database', database.sql`SELECT 1`);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function databaseSizeBytes(database: Database): Promise<number> {
  const { sql } = database;
  const [row] = await database.run(
    'Measuring the database',
    sql<{ size: number }[]>`SELECT pg_database_size(current_database()) AS size`,
  );
  return row!.size;
}
