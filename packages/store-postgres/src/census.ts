import type { LeaseState } from '@boxyard/sandbox-core';
import { asJson, type Database } from './connect.ts';

/** How much of everything is recorded now. */
export interface Census {
  /** Boxes that are up, parked (`cold`) or being made; a provider is known once there is a box. */
  readonly boxes: readonly {
    readonly provider: string;
    readonly state: LeaseState;
    readonly count: number;
  }[];
  /** Age of the oldest change to a box that no archive holds; 0 when there is none. */
  readonly uncapturedAgeMs: number;
  readonly condemned: number;
  readonly opsRunning: number;
}

export interface CensusOptions {
  /** Slugs of workspaces whose boxes are not counted. */
  readonly leftOutWorkspaces: readonly string[];
}

// Not the text `\\u0000`, which is a backslash and five characters.
const ESCAPED_NUL = String.raw`(?<!\\)((?:\\\\)*)\\u0000`;

/** One statement. It looks at every group that has or gets a box, so it is not for every request. */
export async function takeCensus(database: Database, options: CensusOptions): Promise<Census> {
  const { sql } = database;
  // PostgreSQL takes no member out of JSON that holds a NUL anywhere; the message of a failure may.
  const readable = (column: 'box' | 'body') =>
    sql`regexp_replace(${sql(column)}::text, ${ESCAPED_NUL}, ${'\\1'}, 'g')::json`;
  const rows = await database.run(
    'Counting what is recorded',
    sql<
      {
        provider: string | null;
        state: LeaseState | null;
        boxes: number;
        uncaptured_ms: number | null;
        condemned: number;
        running: number;
      }[]
    >`
      WITH held AS (
        SELECT state, ${readable('box')} AS box, ${readable('body')} AS body FROM leases
        WHERE deleted_at_ms IS NULL AND (state <> 'cold' OR box IS NOT NULL)
          AND workspace_id NOT IN (
            SELECT id FROM workspaces
            WHERE slug IN (SELECT json_array_elements_text(${asJson(sql, options.leftOutWorkspaces)}))
          )
      ),
      counted AS (
        SELECT coalesce(box ->> 'provider', 'none') AS provider, state, count(*) AS boxes,
          max(CASE WHEN (body ->> 'revision')::bigint > (body ->> 'capturedRevision')::bigint
            THEN store_now_ms() - (body ->> 'revisedAtMs')::bigint END) AS uncaptured_ms
        FROM held GROUP BY 1, 2
      ),
      totals AS (
        SELECT (SELECT count(*) FROM condemned_boxes) AS condemned,
          (SELECT count(*) FROM ops WHERE ops.state = 'running') AS running
      )
      SELECT * FROM totals LEFT JOIN counted ON true
    `,
  );
  return {
    boxes: rows.flatMap(({ provider, state, boxes }) =>
      provider === null || state === null ? [] : [{ provider, state, count: boxes }],
    ),
    uncapturedAgeMs: Math.max(0, ...rows.map((row) => row.uncaptured_ms ?? 0)),
    condemned: rows[0]!.condemned,
    opsRunning: rows[0]!.running,
  };
}
