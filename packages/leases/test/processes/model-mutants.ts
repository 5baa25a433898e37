// The leases of a process of the model made wrong, to see that chance alone finds it.
import { sqlOf } from '@boxyard/store-postgres/testing';
import type { LeaseContext, Sweep } from '../../src/index.ts';
import type { LeaseProcessSetup } from './lease-command.ts';
import { countBeforeLock, destroyBeforeCapture, ignoreEpoch, SweepByAge, skipLocked } from './mutants.ts';

/**
 * Those that break a promise which the judges of the model can see. A heartbeat that does not look at the attempt
 * breaks none of them: it pins the box of a holder that is dead, which only the order of events of its own test shows.
 */
export const MODEL_MUTANTS = [
  'created does not look at the epoch',
  'commit does not look at the epoch',
  'a reaper counts holders before it has the row to itself',
  'who acquires passes over a locked row',
  'a box is destroyed before it is captured',
  'the sweep judges by age',
] as const;
export type ModelMutant = (typeof MODEL_MUTANTS)[number];

/** Long enough for another process to come in between, as it may on a busy machine. */
const BETWEEN_MS = 20;
const OLD_MS = 600_000;

interface ModelServer {
  readonly context: LeaseContext;
  readonly sweep: Sweep;
}

/** Answers the sweep that the process is to run. */
export function mutate({ context, sweep }: ModelServer, setup: LeaseProcessSetup): Pick<Sweep, 'run'> {
  switch (setup.mutant) {
    case 'created does not look at the epoch':
      ignoreEpoch(context, 'created');
      return sweep;
    case 'commit does not look at the epoch':
      ignoreEpoch(context, 'commit');
      return sweep;
    case 'a reaper counts holders before it has the row to itself':
      countBeforeLock(context, { pass: () => new Promise((resolve) => setTimeout(resolve, BETWEEN_MS)) });
      return sweep;
    case 'who acquires passes over a locked row':
      skipLocked(context, { sql: sqlOf(setup.connection) });
      return sweep;
    case 'a box is destroyed before it is captured':
      destroyBeforeCapture(context);
      return sweep;
    case 'the sweep judges by age': {
      const byAge = new SweepByAge(context);
      const sql = sqlOf(setup.connection);
      const run: Sweep['run'] = async () => {
        const [clock] = await sql<{ nowMs: number }[]>`SELECT store_now_ms()::float8 AS "nowMs"`;
        await byAge.run(clock?.nowMs ?? 0, OLD_MS);
        return sweep.run();
      };
      return { run };
    }
    case undefined:
      return sweep;
  }
}
