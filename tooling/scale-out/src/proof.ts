/** What must be true after all of it, read from where it can be seen: files, the record, processes, NATS. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '@boxyard/client';
import { eventually } from '@tooling/eventually';
import type { Installation } from './installation.ts';
import { FILES, journalOf, resultOf } from './task.ts';
import { THROUGH_KILLS } from './through-kills.ts';
import type { WorkedSession } from './workload.ts';

/** Every turn ended once, and its files are right. Answers what is wrong, in words. */
export async function proveTurns(
  installation: Installation,
  sessions: readonly WorkedSession[],
): Promise<readonly string[]> {
  const { servers, token, store } = installation;
  const wrong: string[] = [];
  const client = createClient({ url: servers[0]!.url, token, maxAttempts: 8 });
  for (const { id, turns, ends } of sessions) {
    const rows = await store.sql<{ id: string; status: string; error: unknown; ends: number }[]>`
      SELECT t.id, t.status, t.error, (
        SELECT count(*)::int FROM events e
        WHERE e.turn_id = t.id AND e.type IN ('turn.completed', 'turn.failed', 'turn.cancelled')
      ) AS ends
      FROM turns t WHERE t.session_id = ${id} ORDER BY t.created_at`;
    if (rows.length !== turns.length)
      wrong.push(`session ${id} has ${rows.length} turns, not ${turns.length}`);
    for (const turn of rows) {
      if (turn.status !== 'completed' || turn.ends !== 1)
        wrong.push(`turn ${turn.id} is ${turn.status} with ${turn.ends} ends: ${JSON.stringify(turn.error)}`);
      const seen = ends.get(turn.id)?.length ?? 0;
      if (seen !== 1) wrong.push(`the end of turn ${turn.id} was seen ${seen} times by its follower`);
    }
    const { files } = client.session(id);
    const before = wrong.length;
    const read = (path: string) => files.readText(path).catch((error: Error) => error.message);
    const journal = await read(FILES.journal);
    if (journal !== journalOf(turns.length))
      wrong.push(`session ${id}: its journal is ${JSON.stringify(journal)}`);
    for (const task of turns.keys()) {
      const result = await read(FILES.resultOf(task + 1));
      if (result !== resultOf(task + 1))
        wrong.push(`session ${id}: ${FILES.resultOf(task + 1)} is ${JSON.stringify(result)}`);
    }
    if (wrong.length > before) wrong.push(...(await storyOf(installation, id)));
  }
  return wrong;
}

/** What its events, its lease and its box tell, in short, to see what went wrong. */
async function storyOf({ store, dataDir }: Installation, sessionId: string): Promise<readonly string[]> {
  const events = await store.events.read(sessionId, { after: 0, limit: 1_000 });
  const leases = await store.sql<{ group_id: string; line: string }[]>`
    SELECT l.group_id, concat_ws(' ', l.state, 'epoch', l.epoch, l.reason, l.box, l.body, (
      SELECT json_agg(concat_ws(' ', a.state, a.epoch, a.revision, a.archive_key))::text FROM artifacts a
      WHERE a.group_id = l.group_id
    )) AS line
    FROM leases l JOIN sessions s ON s.group_id = l.group_id WHERE s.id = ${sessionId}`;
  const lines = events
    .filter(({ type }) => type !== 'model.text.delta')
    .map(
      ({ seq, at, type, data }) =>
        `  ${seq} ${at.toISOString()} ${type} ${JSON.stringify(data).slice(0, 300)}`,
    );
  for (const { group_id, line } of leases) {
    const workspace = join(dataDir, 'boxes', group_id, 'workspace');
    const there = await readdir(workspace, { recursive: true }).catch((error: Error) => [error.message]);
    lines.push(`  box ${group_id}: ${line}; on disk: ${there.join(' ')}`);
  }
  return lines;
}

/** Nobody holds anything in the name of a process that is dead. Waits for what heartbeats take to run out. */
export async function proveNothingOfTheDead(installation: Installation): Promise<readonly string[]> {
  const { store, nats, servers, workers } = installation;
  const members = [...servers.map(({ member }) => member), ...workers];
  const alive = new Set(members.map(({ pid }) => pid));
  return settled(async () => {
    const wrong: string[] = [];
    for (const pid of await nats.connectedPids())
      if (!alive.has(pid)) wrong.push(`NATS has a connection of process ${pid}`);
    const connections = await store.sql<{ pid: number }[]>`
      SELECT DISTINCT split_part(application_name, ' ', 2)::int AS pid FROM pg_stat_activity
      WHERE datname = current_database() AND application_name ~ '^boxyard [0-9]+$'`;
    for (const { pid } of connections)
      if (!alive.has(pid) && pid !== process.pid) wrong.push(`PostgreSQL has a connection of process ${pid}`);
    const attempts = await store.sql`SELECT turn_id FROM turn_attempts WHERE ended_at IS NULL`;
    if (attempts.length > 0) wrong.push(`${attempts.length} attempts have not ended`);
    const jobs = await store.sql`SELECT FROM boxyard_jobs.job`;
    if (jobs.length > 0) wrong.push(`${jobs.length} jobs are left`);
    const holders = await store.sql<{ holder: { kind: string; id: string } }[]>`
      SELECT jsonb_array_elements(holders) AS holder FROM leases`;
    for (const { holder } of holders)
      if (holder.kind === 'turn') wrong.push(`a turn holds a box: ${holder.id}`);
    return wrong;
  });
}

/** The sessions are deleted: no box, no process of one, no lock and no lease that is up stays. */
export async function proveNothingLeft(
  { servers, token, store, dataDir }: Installation,
  sessions: readonly WorkedSession[],
): Promise<readonly string[]> {
  const client = createClient({ url: servers.at(-1)!.url, token, maxAttempts: 8 });
  for (const { id } of sessions) await client.sessions.delete(id);
  return settled(async () => {
    const wrong: string[] = [];
    const up = await store.leases.up(100);
    if (up.length > 0) wrong.push(`${up.length} boxes are up in the record`);
    const boxes = await readdir(join(dataDir, 'boxes'));
    if (boxes.length > 0) wrong.push(`${boxes.length} boxes are on disk`);
    const condemned = await store.leases.allCondemned(100);
    if (condemned.length > 0) wrong.push(`${condemned.length} boxes are still to be destroyed`);
    const holders = await store.sql`SELECT jsonb_array_elements(holders) FROM leases`;
    if (holders.length > 0) wrong.push(`${holders.length} holders are left`);
    const locks = await store.sql`
      SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
      WHERE l.locktype = 'advisory' AND d.datname = current_database()`;
    if (locks.length > 0) wrong.push(`${locks.length} locks are held`);
    const left = await processesOf(dataDir);
    if (left.length > 0) wrong.push(`processes of boxes are left: ${left.join(', ')}`);
    return wrong;
  });
}

/** All members were asked to end: nobody is connected any more. */
export async function proveNobodyConnected({ nats, store }: Installation): Promise<readonly string[]> {
  return settled(async () => {
    const wrong: string[] = [];
    const there = await nats.connectedPids();
    if (there.length > 0) wrong.push(`NATS has connections of ${there.join(', ')}`);
    const others = await store.sql`
      SELECT FROM pg_stat_activity WHERE datname = current_database()
        AND application_name ~ '^boxyard' AND application_name <> ${`boxyard ${process.pid}`}`;
    if (others.length > 0) wrong.push(`PostgreSQL has ${others.length} connections of others`);
    return wrong;
  });
}

/** What was wrong last, when it does not become right in time. */
async function settled(look: () => Promise<readonly string[]>): Promise<readonly string[]> {
  let wrong: readonly string[] = ['nobody looked'];
  await eventually(
    'everything as it should be',
    async () => {
      wrong = await look();
      return wrong.length === 0;
    },
    { ...THROUGH_KILLS, withinMs: 90_000, everyMs: 500 },
  ).catch((error: Error) => {
    if (wrong.length === 0 || wrong[0] === 'nobody looked') wrong = [String(error.cause ?? error)];
  });
  return wrong;
}

/** Processes whose environment or folder is of this data folder, without the servers themselves. */
async function processesOf(dataDir: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    if (!environment.includes('BOXYARD_OP=') || !environment.includes(dataDir)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    found.push(`${pid} ${command.replaceAll('\0', ' ').slice(0, 80)}`);
  }
  return found;
}
