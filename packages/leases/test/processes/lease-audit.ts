// What really happened to the leases: a trigger of the test's own database notes every change of state, epoch, box and
// deletion, in the order in which the rows changed, and each is judged without the code under test.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestStore } from '@boxyard/store-postgres/testing';
import type { GroupRecord, JudgedCloud } from './judged-cloud.ts';

interface Change {
  readonly id: number;
  readonly group_id: string;
  readonly old_state: string | null;
  readonly new_state: string;
  readonly old_epoch: number;
  readonly new_epoch: number;
  readonly instance: string | null;
  /** Somebody who keeps a box held the row as it was before. */
  readonly kept: boolean;
  readonly reason: string | null;
  readonly undeleted: boolean;
}

const TRIGGER = `
CREATE TABLE lease_audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, group_id text NOT NULL, old_state text, new_state text NOT NULL,
  old_epoch integer NOT NULL, new_epoch integer NOT NULL, instance text, kept boolean NOT NULL, reason text,
  undeleted boolean NOT NULL
);
CREATE FUNCTION note_lease_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.state = NEW.state AND OLD.epoch = NEW.epoch AND OLD.box::text IS NOT DISTINCT FROM
    NEW.box::text AND OLD.deleted_at_ms IS NOT DISTINCT FROM NEW.deleted_at_ms THEN RETURN NEW; END IF;
  INSERT INTO lease_audit (group_id, old_state, new_state, old_epoch, new_epoch, instance, kept, reason, undeleted)
  VALUES (
    NEW.group_id, OLD.state, NEW.state, coalesce(OLD.epoch, 0), NEW.epoch, NEW.box ->> 'instance',
    EXISTS (
      SELECT FROM jsonb_array_elements(coalesce(OLD.holders, '[]')) h
      WHERE (h ->> 'expiresAtMs')::bigint > store_now_ms() AND (
        h ->> 'kind' <> 'viewer' OR coalesce((h ->> 'inputUntilMs')::bigint > store_now_ms(), false)
      )
    ),
    NEW.reason, OLD.deleted_at_ms IS NOT NULL AND NEW.deleted_at_ms IS NULL
  );
  RETURN NEW;
END $$;
CREATE TRIGGER note_lease_change AFTER INSERT OR UPDATE ON leases FOR EACH ROW EXECUTE FUNCTION note_lease_change();
`;

/** A person or a budget may stop a box that is kept; nobody else. */
const FORCED = ['paused'];
const CLAIMED = ['warming', 'replacing'];

export class LeaseAudit {
  readonly #store: TestStore;
  readonly #blobDir: string;
  readonly #newest = new Map<string, number>();
  #judgedTo = 0;

  private constructor(store: TestStore, blobDir: string) {
    this.#store = store;
    this.#blobDir = blobDir;
  }

  static async install(store: TestStore, blobDir: string): Promise<LeaseAudit> {
    await store.sql.unsafe(TRIGGER);
    return new LeaseAudit(store, blobDir);
  }

  /** For the cloud, when a box of the group is destroyed. */
  async read(groupId: string): Promise<GroupRecord | null> {
    const { sql } = this.#store;
    const [row] = await sql<
      { state: string; deleted: boolean; instance: string | null; archive: string | null }[]
    >`
      SELECT state, deleted_at_ms IS NOT NULL AS deleted, box ->> 'instance' AS instance, (
        SELECT archive_key FROM artifacts a WHERE a.group_id = l.group_id AND a.state = 'current'
      ) AS archive
      FROM leases l WHERE group_id = ${groupId}
    `;
    if (row === undefined) return null;
    const archived = row.archive === null ? [] : ((await this.#archive(row.archive)) ?? []);
    return { ...row, archived: new Set(archived) };
  }

  /** Judges what changed since the last look. */
  async judge(cloud: JudgedCloud): Promise<void> {
    const { sql } = this.#store;
    const changes = await sql<Change[]>`SELECT * FROM lease_audit WHERE id > ${this.#judgedTo} ORDER BY id`;
    for (const change of changes) {
      this.#judgedTo = change.id;
      for (const fault of faultsOf(change, cloud))
        cloud.violations.push(`${fault}: ${JSON.stringify(change)}`);
    }
    await this.#judgeArchives(cloud);
  }

  /** Boxes that nothing on record accounts for, and living leases whose box is not there. */
  async unaccounted(cloud: JudgedCloud): Promise<readonly string[]> {
    const { sql } = this.#store;
    const leases = () => sql<
      {
        group_id: string;
        state: string;
        epoch: number;
        version: number;
        instance: string | null;
        boxes: string[];
      }[]
    >`
      SELECT group_id, state, epoch, version, box ->> 'instance' AS instance, ARRAY(
        SELECT s ->> 'instance' FROM json_array_elements(body -> 'superseded') s
      ) AS boxes
      FROM leases WHERE deleted_at_ms IS NULL
    `;
    const before = await leases();
    const listed = [...cloud.boxes].map(([instance, { tag }]) => ({ instance, tag }));
    const after = new Map((await leases()).map((lease) => [lease.group_id, lease]));
    const condemned = new Set(
      (await sql<{ instance: string }[]>`SELECT instance FROM condemned_boxes`).map(
        ({ instance }) => instance,
      ),
    );
    const unnamed = listed.flatMap(({ instance, tag }) => {
      const lease = after.get(tag.group);
      const named = lease !== undefined && (lease.instance === instance || lease.boxes.includes(instance));
      const made = lease !== undefined && CLAIMED.includes(lease.state) && lease.epoch === tag.epoch;
      if (named || made || condemned.has(instance) || !cloud.boxes.has(instance)) return [];
      return [`nobody names ${instance} of ${tag.group} ${tag.epoch}`];
    });
    const missing = before.flatMap(({ group_id, state, version, instance }) => {
      const routable = state === 'warm' || state === 'draining';
      if (!routable || instance === null || after.get(group_id)?.version !== version) return [];
      if (listed.some((box) => box.instance === instance) || cloud.killed.has(instance)) return [];
      return [`the ${state} lease of ${group_id} names ${instance}, which does not exist`];
    });
    return [...unnamed, ...missing];
  }

  /** What was committed last is there, or something later is. */
  async #judgeArchives(cloud: JudgedCloud): Promise<void> {
    const { sql } = this.#store;
    const committed = await sql<{ group_id: string; sequence: number; archive_key: string }[]>`
      SELECT group_id, sequence, archive_key FROM artifacts WHERE state = 'current'
    `;
    const deleted = new Set(
      (await sql<{ group_id: string }[]>`SELECT group_id FROM leases WHERE deleted_at_ms IS NOT NULL`).map(
        (row) => row.group_id,
      ),
    );
    const present = new Map(committed.map((row) => [row.group_id, row.sequence]));
    for (const [group, sequence] of this.#newest)
      if (!deleted.has(group) && (present.get(group) ?? 0) < sequence)
        cloud.violations.push(`archive ${sequence} of ${group} was committed and is lost`);
    for (const { group_id, sequence, archive_key } of committed) {
      this.#newest.set(group_id, sequence);
      if (deleted.has(group_id) || (await this.#archive(archive_key)) !== null) continue;
      const [still] =
        await sql`SELECT FROM artifacts WHERE archive_key = ${archive_key} AND state = 'current'`;
      if (still !== undefined)
        cloud.violations.push(`the bytes of archive ${sequence} of ${group_id} are lost`);
    }
  }

  async #archive(key: string): Promise<readonly string[] | null> {
    try {
      return JSON.parse(await readFile(join(this.#blobDir, key), 'utf8')) as readonly string[];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }
}

function faultsOf(change: Change, cloud: JudgedCloud): readonly string[] {
  const { old_state, new_state, old_epoch, new_epoch, instance, kept, reason, undeleted } = change;
  const faults: string[] = [];
  const grew = new_epoch - old_epoch;
  if (grew < 0 || grew > 1) faults.push(`the epoch moved by ${grew}`);
  if (grew === 1 && !CLAIMED.includes(new_state)) faults.push('the epoch grew without a claim');
  if (grew === 0 && CLAIMED.includes(new_state) && old_state !== new_state)
    faults.push('a claim left the epoch as it was');
  // These boxes are made for one epoch and live no longer than it.
  const made = instance === null ? null : (cloud.tagOf(instance)?.epoch ?? null);
  if (instance !== null && made !== new_epoch) faults.push(`a stale writer of epoch ${made} was taken`);
  if (new_state === 'terminating' && old_state !== new_state && kept && !FORCED.includes(reason ?? ''))
    faults.push('a kept lease was drained');
  if (undeleted) faults.push('a deleted group came back');
  return faults;
}
