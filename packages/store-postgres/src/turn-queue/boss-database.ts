// pg-boss on our own driver: one driver, one set of rules for connections that get lost.
import { SandboxError } from '@boxyard/sandbox-core';
import type { Db } from 'pg-boss';
import type postgres from 'postgres';
import type { Database } from '../connect.ts';

const ROLLBACK_DEADLINE_MS = 5_000;

/** On one connection: pg-boss sends transactions as one text, which the driver takes on no pool of several. */
export function bossDatabase(database: Database): Db {
  return {
    async executeSql(text, values = []) {
      const { sql } = database;
      try {
        const answer: unknown = await database.run(
          'Asking the queue of jobs',
          sql.unsafe(text, values.map(asParameter)),
        );
        return { rows: rowsOf(answer) };
      } catch (error) {
        // A text that began a transaction and failed in it would leave the connection to nobody's use. One that was lost
        // may never answer, and whoever waits here takes up no turn.
        const call = { deadlineMs: ROLLBACK_DEADLINE_MS };
        await database.run('Asking the queue of jobs', sql.unsafe('ROLLBACK'), call).catch(() => {});
        throw withCode(error);
      }
    },
  };
}

/** Arrays as PostgreSQL writes them: without their types, which nobody fetched, the driver cannot. */
function asParameter(value: unknown): postgres.ParameterOrJSON<never> {
  if (Array.isArray(value)) return `{${value.map(quoted).join(',')}}`;
  return value as postgres.ParameterOrJSON<never>;
}

const quoted = (item: unknown): string =>
  item === null ? 'NULL' : `"${String(item).replace(/["\\]/g, (special) => `\\${special}`)}"`;

/** A text of several statements has an answer for each. */
function rowsOf(answer: unknown): unknown[] {
  if (!Array.isArray(answer)) return [];
  return answer.some(Array.isArray) ? answer.flat() : [...answer];
}

/** pg-boss tells by the code whether somebody else was faster, which is no failure. */
function withCode(error: unknown): unknown {
  if (!SandboxError.isInstance(error) || !(error.cause instanceof Error)) return error;
  return Object.assign(new Error(error.message, { cause: error }), { code: error.cause.name });
}
