import { expect, test } from 'vitest';
import { PROBLEM_STATUS, Problem, ProblemCode } from './problem.ts';

test('every code has the status that callers were promised', () => {
  const promised: Record<number, string> = {
    400: 'invalid',
    401: 'unauthenticated',
    402: 'over-budget',
    403: 'denied',
    404: 'not-found',
    409: 'conflict fenced unsupported',
    412: 'precondition-failed',
    413: 'too-large',
    416: 'range',
    422: 'idempotency-mismatch',
    429: 'rate-limited',
    499: 'cancelled',
    500: 'configuration internal',
    502: 'outcome-unknown',
    503: 'draining not-ready unreachable',
    504: 'timeout',
    507: 'quota',
  };
  const grouped: Record<number, string[]> = {};
  for (const [code, status] of Object.entries(PROBLEM_STATUS)) {
    grouped[status] ??= [];
    grouped[status].push(code);
  }
  const found = Object.entries(grouped).map(([status, codes]) => [status, codes.sort().join(' ')]);
  expect(Object.fromEntries(found)).toEqual(promised);
});

test('that a box is gone never leaves the server', () => {
  expect(ProblemCode.safeParse('gone').success).toBe(false);
});

test('a problem body may grow members without breaking its readers', () => {
  const body = {
    title: 'Not found',
    status: 404,
    detail: 'No such session: list the sessions of the workspace.',
    code: 'not-found',
    retryable: false,
    requestId: 'r-1',
    somethingNew: true,
  };
  const { somethingNew: _, ...known } = body;
  expect(Problem.parse(body)).toEqual({ ...known, type: 'about:blank' });
  expect(Problem.safeParse({ ...body, code: 'Not_Found' }).success).toBe(false);
});
