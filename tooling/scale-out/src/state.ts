import type { Installation } from './installation.ts';

/** Where everything stands, for who has to find out why nothing goes on. */
export async function stateOf({ store, servers, workers }: Installation): Promise<readonly string[]> {
  const members = [...servers.map(({ member }) => member), ...workers].map(
    ({ name, pid, isReady, log }) =>
      `${name}: process ${pid}, ${isReady ? 'ready' : 'not ready'}; ${log.trim().split('\n').slice(-3).join(' | ').slice(-900)}`,
  );
  const turns = await store.sql<{ status: string; is_alive: boolean; count: number }[]>`
    SELECT t.status, count(*)::int, EXISTS (
      SELECT FROM turn_attempts a WHERE a.turn_id = t.id AND a.ended_at IS NULL
        AND a.beat_at > store_now() - interval '6 seconds'
    ) AS is_alive
    FROM turns t GROUP BY 1, 3`;
  const jobs = await store.sql<{ state: string; count: number }[]>`
    SELECT state::text, count(*)::int FROM boxyard_jobs.job GROUP BY 1`;
  const busy = await store.sql<{ line: string }[]>`
    SELECT concat_ws(' ', application_name, state, wait_event_type, wait_event, now() - xact_start, left(query, 120),
      'blocked by', pg_blocking_pids(pid)::text) AS line
    FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()`;
  return [
    ...members,
    ...turns.map(({ status, is_alive, count }) => `${count} turns ${status}${is_alive ? ', beating' : ''}`),
    ...jobs.map(({ state, count }) => `${count} jobs ${state}`),
    ...busy.map(({ line }) => line.replace(/\s+/g, ' ')),
  ];
}
