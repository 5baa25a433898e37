// What is checked of a subject beside its cases: that it is what its facts say, and that nothing stays behind.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BoxSubject, SubjectFact, SubjectFacts } from './box-case.ts';

const MEMBER_OF: ReadonlyMap<SubjectFact, keyof BoxSubject> = new Map([
  ['reopen', 'reopen'],
  ['freeze', 'freeze'],
  ['killHost', 'killHost'],
  ['leftovers', 'leftovers'],
]);

/** A fact that is not claimed would silently take its cases out, so both directions are checked. */
export function assertFacts(subject: BoxSubject, facts: SubjectFacts): void {
  for (const [fact, member] of MEMBER_OF) {
    const claimed = facts[fact] ?? false;
    const offered = subject[member] !== undefined;
    assert.equal(
      offered,
      claimed,
      `facts.${fact} is ${claimed}, but open() ${offered ? 'offers' : 'lacks'} it`,
    );
  }
  assert.equal(subject.thaw !== undefined, subject.freeze !== undefined, 'freeze and thaw come together');
}

/** Waits until nothing is left; clean-up of an ended command may still be on its way. */
export async function assertNothingLeft(subject: BoxSubject, waitMs: number): Promise<void> {
  if (subject.leftovers === undefined) return;
  const end = performance.now() + waitMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 200)) {
    const left: readonly string[] = await subject.leftovers();
    if (left.length === 0) return;
    if (performance.now() > end) {
      assert.fail(`${left.length} things are left behind: ${left.slice(0, 10).join(', ')}`);
    }
    await sleep(pauseMs);
  }
}

/** Closes the box and ends the subject, both even when the first fails. */
export async function endSubject(subject: BoxSubject): Promise<void> {
  try {
    await subject.box.close();
  } finally {
    await subject.dispose?.();
  }
}
