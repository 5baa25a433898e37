// Decides which cases run against a subject, from what is said about it before any box is open.
import {
  BOX_AREAS,
  type BoxArea,
  type BoxCase,
  SUBJECT_FACTS,
  type SubjectFact,
  type SubjectFacts,
} from './box-case.ts';

/** An exception that reviewers can see. Legal only where the box itself says that it lacks what the case needs. */
export interface SkippedCase {
  readonly case: string;
  readonly reason: string;
}

export interface BoxPlan {
  readonly areas: readonly { readonly area: BoxArea; readonly cases: readonly BoxCase[] }[];
  readonly skipped: readonly { readonly one: BoxCase; readonly reason: string }[];
  /** Per missing fact, how many cases it takes out. */
  readonly notApplicable: ReadonlyMap<SubjectFact, number>;
  readonly count: number;
}

/** Throws when a skip names no case, has no reason, or names a case that every box can run. */
export function planBoxCases(
  cases: readonly BoxCase[],
  facts: SubjectFacts,
  skip: readonly SkippedCase[],
): BoxPlan {
  for (const { case: id, reason } of skip) {
    const one = cases.find((each) => each.id === id);
    if (one === undefined) throw new Error(`skip names ${id}, which is no case; correct or remove it`);
    if (one.needs === undefined) {
      throw new Error(`skip names ${id}, which needs no capability, so every box has to pass it; remove it`);
    }
    if (reason.trim() === '') throw new Error(`skip of ${id} gives no reason; say why`);
  }
  const has = (fact: SubjectFact) => facts[fact] ?? (fact === 'kernel' || fact === 'interrupt');
  const notApplicable = new Map<SubjectFact, number>();
  const applicable = cases.filter((one) => {
    const missing = SUBJECT_FACTS.find((fact) => one.facts?.includes(fact) === true && !has(fact));
    if (missing !== undefined) notApplicable.set(missing, (notApplicable.get(missing) ?? 0) + 1);
    return missing === undefined;
  });
  const skips = new Map(skip.map(({ case: id, reason }) => [id, reason]));
  const running = applicable.filter((one) => !skips.has(one.id));
  return {
    areas: BOX_AREAS.map((area) => ({ area, cases: running.filter((one) => one.area === area) })).filter(
      (group) => group.cases.length > 0,
    ),
    skipped: applicable.flatMap((one) => {
      const reason = skips.get(one.id);
      return reason === undefined ? [] : [{ one, reason }];
    }),
    notApplicable,
    count: running.length,
  };
}

/** `sdk-15: five commands run at the same time (exec.five-at-once)` */
export function caseTitle(one: {
  readonly id: string;
  readonly title: string;
  readonly sdk?: readonly number[];
}): string {
  const numbers = (one.sdk ?? []).map((number) => `sdk-${number}`).join(', ');
  return `${numbers === '' ? '' : `${numbers}: `}${one.title} (${one.id})`;
}
