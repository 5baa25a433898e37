import { bounded } from '@boxyard/sandbox-core';
import type { Census, PostgresStore } from '@boxyard/store-postgres';
import type { Meters, Reading } from './meters.ts';

/** A scrape that waits longer than this is told that the database is away. */
const CENSUS_DEADLINE_MS = 2_000;
/** Several scrapers, or an impatient one, cost one look. */
const CENSUS_KEPT_MS = 1_000;

/** Tells what the record holds. Everything else is told too while the database is away. */
export function meterRecord(
  meters: Meters,
  store: Pick<PostgresStore, 'census' | 'activity'>,
  leftOutWorkspaces: readonly string[],
): void {
  let kept: { readonly census: Census; readonly atMs: number } | null = null;
  const look = async (): Promise<Census | null> => {
    if (kept !== null && performance.now() - kept.atMs < CENSUS_KEPT_MS) return kept.census;
    try {
      const census = await bounded({ deadlineMs: CENSUS_DEADLINE_MS }, 'Counting what is recorded', () =>
        store.census({ leftOutWorkspaces }),
      );
      kept = { census, atMs: performance.now() };
      return census;
    } catch {
      // Told as boxyard_database_up 0.
      return null;
    }
  };

  meters.readOnDemand(
    [
      'boxyard_boxes',
      'boxyard_uncaptured_age_seconds',
      'boxyard_condemned_boxes',
      'boxyard_ops_running',
      'boxyard_database_up',
      'boxyard_database_statements_running',
      'boxyard_database_connections_max',
      'boxyard_database_failures_total',
    ],
    async () => {
      const census = await look();
      const { statementsRunning, maxConnections, failures } = store.activity();
      const one = (value: number): readonly Reading[] => [{ value }];
      const own = {
        boxyard_database_up: one(census === null ? 0 : 1),
        boxyard_database_statements_running: one(statementsRunning),
        boxyard_database_connections_max: one(maxConnections),
        boxyard_database_failures_total: one(failures),
      };
      if (census === null) return own;
      return {
        ...own,
        boxyard_boxes: census.boxes.map(({ provider, state, count }) => ({
          value: count,
          labels: { provider, state },
        })),
        boxyard_uncaptured_age_seconds: one(census.uncapturedAgeMs / 1000),
        boxyard_condemned_boxes: one(census.condemned),
        boxyard_ops_running: one(census.opsRunning),
      };
    },
  );
}
