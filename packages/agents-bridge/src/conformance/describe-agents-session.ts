// Here and not in sandbox-conformance: that package has to stay free of the SDK, whose loop these cases run.
import { afterAll, beforeAll, describe, test } from 'vitest';
import {
  type AgentsSessionCase,
  type AgentsSessionFacts,
  type AgentsSessionSubject,
  runAgentsSessionCase,
} from './agents-session-case.ts';
import { COMMAND_CASES } from './command-cases.ts';
import { FILE_CASES } from './file-cases.ts';
import { PROCESS_CASES } from './process-cases.ts';
import { RUN_CASES } from './run-cases.ts';
import { SESSION_CASES } from './session-cases.ts';

export const AGENTS_SESSION_CASES: readonly AgentsSessionCase[] = [
  ...COMMAND_CASES,
  ...PROCESS_CASES,
  ...FILE_CASES,
  ...SESSION_CASES,
  ...RUN_CASES,
];

export interface DescribeAgentsSessionOptions {
  readonly name: string;
  /** A session over a new, empty box. Called once, and once for each case that ends or swaps its own. */
  readonly open: () => Promise<AgentsSessionSubject>;
  readonly facts?: AgentsSessionFacts;
  /** How long a case waits for one thing, in milliseconds. 30 000 when absent. */
  readonly waitMs?: number;
}

/** Registers one vitest test for each case of the SDK's session contract that applies to the box. */
export function describeAgentsSession(options: DescribeAgentsSessionOptions): void {
  const { name, open, facts = {}, waitMs = 30_000 } = options;
  const cases = AGENTS_SESSION_CASES.filter((one) => (one.needs ?? []).every((fact) => facts[fact] === true));
  const timeout = waitMs * 4;

  describe(`${name}: ${cases.length} of ${AGENTS_SESSION_CASES.length} cases`, () => {
    let subject: AgentsSessionSubject | undefined;
    beforeAll(async () => {
      subject = await open();
    }, timeout);
    afterAll(async () => {
      if (subject !== undefined) await endSubject(subject);
    }, timeout);

    for (const one of cases) {
      const number = one.number === undefined ? '' : `sdk-${one.number}: `;
      test(
        number + one.title,
        async () => {
          if (one.ownSession !== true) return runAgentsSessionCase(one, subject!, waitMs);
          const own = await open();
          try {
            await runAgentsSessionCase(one, own, waitMs);
          } finally {
            await endSubject(own);
          }
        },
        timeout,
      );
    }
  });
}

async function endSubject(subject: AgentsSessionSubject): Promise<void> {
  try {
    await subject.session.close();
  } finally {
    await subject.dispose?.();
  }
}
