import { readFile } from 'node:fs/promises';
import { problemOf } from '@boxyard/api';
import { PROBLEM_STATUS, Problem, type ProblemCode } from '@boxyard/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FailureYard } from './failure-yard.ts';
import type { GoldenFault } from './golden-fault.ts';
import { GOLDEN_FAULTS } from './golden-faults.ts';

/** Nothing answers with them yet: no route has a rate of its own. */
const RESERVED: readonly ProblemCode[] = ['rate-limited'];

let yard: FailureYard;
beforeAll(async () => {
  yard = await FailureYard.open();
});
afterAll(() => yard[Symbol.asyncDispose]());

async function meet({
  provoke,
}: GoldenFault): Promise<{ readonly status: number; readonly problem: Problem }> {
  if (typeof provoke !== 'function') {
    const { problem } = problemOf(provoke.thrown(), 'golden-request');
    return { status: problem.status, problem: Problem.parse(problem) };
  }
  const response = await provoke(yard);
  const body = await response.json();
  expect(response.headers.get('content-type'), JSON.stringify(body)).toBe('application/problem+json');
  const problem = Problem.parse(body);
  if (problem.retryable) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  return { status: response.status, problem };
}

test.each(GOLDEN_FAULTS)('$fault: $status $code', async (fault) => {
  const { status, problem } = await meet(fault);
  const { code, stage = null, retryable, started, detail } = problem;
  expect({ status, code, stage, retryable, started }).toEqual({
    status: fault.status,
    code: fault.code,
    stage: fault.stage,
    retryable: fault.retryable,
    started: fault.started,
  });
  expect(problem.status).toBe(status);
  if (typeof fault.remedy === 'string') expect(detail.slice(-fault.remedy.length)).toBe(fault.remedy);
  else expect(detail).toMatch(fault.remedy);
});

test('the table has every code, each with its status', () => {
  for (const { code, status } of GOLDEN_FAULTS) expect(status, code).toBe(PROBLEM_STATUS[code]);
  const shown = new Set<string>(GOLDEN_FAULTS.map(({ code }) => code));
  expect(Object.keys(PROBLEM_STATUS).filter((code) => !shown.has(code))).toEqual(RESERVED);
});

test('docs/failures.md tells each of them the same way', async () => {
  const page = await readFile(new URL('../../../../docs/failures.md', import.meta.url), 'utf8');
  const told = new Map<string, string[]>();
  for (const line of page.split('\n').filter((each) => each.startsWith('| '))) {
    const [, fault = '', answer = '', started = ''] = line.split('|').map((cell) => cell.trim());
    const answers = [...answer.matchAll(/(\d{3}) `([a-z-]+)`/g)];
    told.set(
      fault,
      answers.map(([, status, code]) => `${status} ${code}, started ${started}`),
    );
  }
  for (const { fault, status, code, started } of GOLDEN_FAULTS)
    expect(told.get(fault), fault).toContain(`${status} ${code}, started ${started}`);
});
