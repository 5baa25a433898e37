import type { MachineMetrics } from '@boxyard/contracts';
import {
  MACHINE_METRICS_KEPT_MS,
  type MachineBeat,
  type MachineHello,
  type MachineRegistry,
  type MachineSpeaker,
  type RegisteredMachine,
} from '@boxyard/sandbox-core';
import type { PendingQuery, Row } from 'postgres';
import { asJson, type Database } from './connect.ts';
import { type EnrollmentRow, toEnrollment } from './enrollment-row.ts';

interface MachineRow extends EnrollmentRow {
  readonly instance: string | null;
  readonly hello: Pick<MachineHello, 'agentVersion' | 'workspaceRoot' | 'capabilities'> | null;
  readonly seen_at: Date | null;
  readonly silent_ms: number | null;
  readonly said_goodbye: boolean | null;
  readonly draining: boolean | null;
  readonly sample: MachineMetrics | null;
}

export class PostgresMachineRegistry implements MachineRegistry {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async hello({ workspaceId, agentId, instance, ...hello }: MachineHello): Promise<boolean> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Recording that a machine connected',
      sql`
        INSERT INTO machines (id, instance, hello, seen_at)
        SELECT e.id, ${instance}::text, ${asJson(sql, hello)}, store_now() FROM enrollments e
        WHERE e.id = ${agentId} AND e.workspace_id = ${workspaceId} AND e.revoked_at IS NULL
        ON CONFLICT (id) DO UPDATE SET instance = excluded.instance, hello = excluded.hello,
          seen_at = excluded.seen_at, said_goodbye = false, draining = false
        RETURNING id
      `,
    );
    return rows.length > 0;
  }

  async beats(beats: readonly MachineBeat[]): Promise<void> {
    if (beats.length === 0) return;
    const { sql } = this.#database;
    await this.#database.run(
      'Recording heartbeats of machines',
      sql`SELECT record_machine_beats(${asJson(sql, beats)})`,
    );
  }

  async goodbye({ workspaceId, agentId, instance }: MachineSpeaker): Promise<void> {
    const { sql } = this.#database;
    await this.#database.run(
      'Recording that a machine stops',
      sql`
        UPDATE machines m SET said_goodbye = true, seen_at = store_now() FROM enrollments e
        WHERE e.id = m.id AND m.id = ${agentId} AND e.workspace_id = ${workspaceId}
          AND m.instance IS NOT DISTINCT FROM ${instance}::text
      `,
    );
  }

  async list(workspaceId: string): Promise<readonly RegisteredMachine[]> {
    const { sql } = this.#database;
    return this.#select(
      'Listing machines',
      sql`e.workspace_id = ${workspaceId} AND e.revoked_at IS NULL ORDER BY e.machine ->> 'machineName', e.id`,
    );
  }

  async find(workspaceId: string, agentId: string): Promise<RegisteredMachine | null> {
    const { sql } = this.#database;
    const [found] = await this.#select(
      'Finding a machine',
      sql`e.workspace_id = ${workspaceId} AND e.id = ${agentId}`,
    );
    return found ?? null;
  }

  async metrics(workspaceId: string, agentId: string): Promise<readonly MachineMetrics[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      'Reading what a machine measured',
      sql<{ sample: MachineMetrics }[]>`
        SELECT s.sample FROM machine_samples s JOIN enrollments e ON e.id = s.machine_id
        WHERE e.workspace_id = ${workspaceId} AND e.id = ${agentId}
          AND s.received_at > store_now() - ${MACHINE_METRICS_KEPT_MS} * interval '1 millisecond'
        ORDER BY s.received_at
      `,
    );
    return rows.map(({ sample }) => sample);
  }

  async #select(what: string, condition: PendingQuery<Row[]>): Promise<readonly RegisteredMachine[]> {
    const { sql } = this.#database;
    const rows = await this.#database.run(
      what,
      sql<MachineRow[]>`
        SELECT e.*, m.instance, m.hello, m.seen_at, m.said_goodbye, m.draining,
          floor(extract(epoch FROM store_now() - m.seen_at) * 1000)::bigint AS silent_ms,
          (
            SELECT s.sample FROM machine_samples s
            WHERE s.machine_id = e.id
              AND s.received_at > store_now() - ${MACHINE_METRICS_KEPT_MS} * interval '1 millisecond'
            ORDER BY s.received_at DESC LIMIT 1
          ) AS sample
        FROM enrollments e LEFT JOIN machines m ON m.id = e.id WHERE ${condition}
      `,
    );
    return rows.map(toMachine);
  }
}

const toMachine = (row: MachineRow): RegisteredMachine => ({
  enrollment: toEnrollment(row),
  instance: row.instance,
  agentVersion: row.hello?.agentVersion ?? null,
  workspaceRoot: row.hello?.workspaceRoot ?? null,
  capabilities: row.hello?.capabilities ?? null,
  lastSeenAt: row.seen_at,
  silentMs: row.silent_ms === null ? null : Math.max(0, row.silent_ms),
  saidGoodbye: row.said_goodbye ?? false,
  draining: row.draining ?? false,
  metrics: row.sample,
});
