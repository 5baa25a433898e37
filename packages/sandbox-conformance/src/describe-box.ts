import { afterAll, beforeAll, describe, test } from 'vitest';
import { BOX_CASES } from './box-cases/all-box-cases.ts';
import type { BoxArea, BoxSubject, OpenSubject, SubjectFacts } from './case/box-case.ts';
import { caseTitle, planBoxCases, type SkippedCase } from './case/box-plan.ts';
import { assertUnavailable, DEFAULT_WAIT_MS, runBoxCase } from './case/case-run.ts';
import { assertFacts, assertNothingLeft, endSubject } from './case/subject-checks.ts';

export interface DescribeBoxOptions {
  /** What the tests are called. */
  readonly name: string;
  /** Opens a new, empty box of its own. Called once an area and once for each case that destroys its box. */
  readonly open: OpenSubject;
  /** What `open` offers beside the box. `kernel` and `interrupt` are true when absent, all others false. */
  readonly facts?: SubjectFacts;
  readonly skip?: readonly SkippedCase[];
  /** Only these; all when absent. For a box that stands on the same code as another one, which runs them all. */
  readonly areas?: readonly BoxArea[];
  /** How long a case waits for one thing, in milliseconds. 30 000 when absent. */
  readonly waitMs?: number;
}

/** Registers one vitest test for each case that applies to the box. */
export function describeBox(options: DescribeBoxOptions): void {
  const { name, open, facts = {}, skip = [], areas, waitMs = DEFAULT_WAIT_MS } = options;
  const cases = areas === undefined ? BOX_CASES : BOX_CASES.filter(({ area }) => areas.includes(area));
  const plan = planBoxCases(cases, facts, skip);
  const without = [...plan.notApplicable].map(([fact, count]) => `${count} without ${fact}`);
  const only = areas === undefined ? '' : ` of ${areas.join(', ')}`;
  const remark = without.length === 0 ? '' : `, not applicable: ${without.join(', ')}`;
  // Opening, running and clean-up are each bounded by waitMs; vitest only ends what escapes those bounds.
  const timeout = waitMs * 4;

  describe(`${name}: ${plan.count} cases${only}${remark}`, () => {
    for (const { area, cases: some } of plan.areas) {
      describe(area, () => {
        let subject: BoxSubject | undefined;
        beforeAll(async () => {
          subject = await open();
        }, timeout);
        afterAll(async () => {
          if (subject !== undefined) await endSubject(subject);
        }, timeout);

        for (const one of some) {
          test(
            caseTitle(one),
            async () => {
              if (one.ownBox === true)
                await withOwnBox(open, waitMs, (own) => runBoxCase(one, own, { waitMs }));
              else await runBoxCase(one, subject!, { waitMs });
            },
            timeout,
          );
        }

        test(
          'is what its facts say, and leaves nothing behind',
          async () => {
            assertFacts(subject!, facts);
            await assertNothingLeft(subject!, waitMs);
          },
          timeout,
        );
      });
    }

    for (const { one, reason } of plan.skipped) {
      test(
        `${caseTitle(one)} is left out, as the box says itself: ${reason}`,
        () => withOwnBox(open, waitMs, async ({ box }) => assertUnavailable(box.capabilities, one.needs!)),
        timeout,
      );
    }
  });
}

async function withOwnBox(
  open: OpenSubject,
  waitMs: number,
  run: (subject: BoxSubject) => Promise<void>,
): Promise<void> {
  const subject = await open();
  try {
    await run(subject);
    await assertNothingLeft(subject, waitMs);
  } finally {
    await endSubject(subject);
  }
}
