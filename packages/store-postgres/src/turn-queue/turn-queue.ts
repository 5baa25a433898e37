/**
 * Turns that became due, as jobs of pg-boss in a schema of its own. The schema's functions put a turn here in the
 * transaction that makes it due; a job only wakes a worker. What may be done because of it is decided by the record of
 * turns, so a job that is lost, or told twice, does no harm.
 */
import type { PgBoss } from 'pg-boss';
import { Database, type DatabaseAddress } from '../connect.ts';
import { databaseError } from '../database-error.ts';
import { bossDatabase } from './boss-database.ts';

const SCHEMA = 'boxyard_jobs';
const QUEUE = 'turns';
/** One of the processes does it. */
const SUPERVISE_EVERY_S = 10;

export class TurnQueue {
  readonly #boss: PgBoss;
  readonly #database: Database;

  private constructor(boss: PgBoss, database: Database) {
    this.#boss = boss;
    this.#database = database;
  }

  /** Brings the schema of pg-boss up to date. Processes that start together wait for one another. */
  static async open(
    address: DatabaseAddress,
    { superviseEveryS = SUPERVISE_EVERY_S } = {},
  ): Promise<TurnQueue> {
    const { PgBoss } = await import('pg-boss');
    const database = new Database({ address, maxConnections: 1 });
    const boss = new PgBoss({
      db: bossDatabase(database),
      schema: SCHEMA,
      schedule: false,
      // A job is gone once it was told. Only one whose worker died in that moment is found by this, and told again.
      superviseIntervalSeconds: superviseEveryS,
      monitorIntervalSeconds: superviseEveryS,
    });
    // Of its timers, which try again; what we ask for throws by itself.
    boss.on('error', () => {});
    try {
      await boss.start();
      await boss.createQueue(QUEUE, { policy: 'short' });
    } catch (error) {
      await database.close();
      throw databaseError(error instanceof Error && error.cause ? error.cause : error);
    }
    return new TurnQueue(boss, database);
  }

  /** Ids of the oldest ones. Each is told to one caller of all processes. */
  async take(limit: number): Promise<readonly string[]> {
    const jobs = await this.#boss.fetch<{ readonly turnId: string }>(QUEUE, { batchSize: limit });
    const ids = jobs.map(({ id }) => id);
    if (ids.length > 0) await this.#boss.deleteJob(QUEUE, ids);
    return jobs.map(({ data }) => data.turnId);
  }

  async close(): Promise<void> {
    await this.#boss.stop({ graceful: false, close: false }).catch(() => {});
    await this.#database.close();
  }
}
