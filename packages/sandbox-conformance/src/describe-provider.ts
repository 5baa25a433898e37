import { afterAll, beforeAll, describe, test } from 'vitest';
import { caseTitle, type SkippedCase } from './case/box-plan.ts';
import { DEFAULT_WAIT_MS } from './case/case-run.ts';
import type { ProviderSubject } from './case/provider-case.ts';
import { assertLacking, runProviderCase } from './case/provider-run.ts';
import { PROVIDER_CASES } from './provider-cases/all-provider-cases.ts';

export interface DescribeProviderOptions {
  readonly name: string;
  /** Makes a provider over an account or a folder of its own. Called once. */
  readonly make: () => Promise<ProviderSubject>;
  /** Only for cases whose `needs` the provider itself says to lack. */
  readonly skip?: readonly SkippedCase[];
  /** How long a case waits for one thing, in milliseconds. 30 000 when absent. */
  readonly waitMs?: number;
}

/** Registers one vitest test for each promise that a provider makes. */
export function describeProvider(options: DescribeProviderOptions): void {
  const { name, make, skip = [], waitMs = DEFAULT_WAIT_MS } = options;
  const reasons = new Map(skip.map((each) => [each.case, each.reason]));
  for (const { case: id, reason } of skip) {
    const one = PROVIDER_CASES.find((each) => each.id === id);
    if (one?.needs === undefined || reason.trim() === '') {
      throw new Error(
        `skip of ${id} is refused: name a case that needs what a provider may lack, with a reason`,
      );
    }
  }
  const timeout = waitMs * 4;

  describe(`${name}: ${PROVIDER_CASES.length - skip.length} cases`, () => {
    let subject: ProviderSubject | undefined;
    beforeAll(async () => {
      subject = await make();
    }, timeout);
    afterAll(async () => {
      await subject?.dispose?.();
    }, timeout);

    for (const one of PROVIDER_CASES) {
      const reason = reasons.get(one.id);
      if (reason === undefined) {
        test(caseTitle(one), () => runProviderCase(one, subject!, { waitMs }), timeout);
        continue;
      }
      const title = `${caseTitle(one)} is left out, as the provider says itself: ${reason}`;
      test(title, async () => assertLacking(subject!.provider, one.needs!), timeout);
    }
  });
}
