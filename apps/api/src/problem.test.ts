import { PROBLEM_STATUS } from '@boxyard/contracts';
import { SANDBOX_ERROR_CODES, SandboxError } from '@boxyard/sandbox-core';
import { describe, expect, test } from 'vitest';
import { ApiError, problemOf } from './problem.ts';

describe('whatever is thrown becomes one problem', () => {
  test.each(SANDBOX_ERROR_CODES)('of a box: %s', (code) => {
    const { problem } = problemOf(
      new SandboxError(code, 'It failed.', { stage: 'exec', started: 'no' }),
      'request-1',
    );
    expect(problem).toMatchObject({
      detail: 'It failed.',
      stage: 'exec',
      started: 'no',
      requestId: 'request-1',
    });
    expect(problem.status).toBe(PROBLEM_STATUS[problem.code]);
    expect(problem.code).not.toBe('gone');
  });

  test('what may succeed later says when to try again', () => {
    const { problem, retryAfterSeconds } = problemOf(new SandboxError('unreachable', 'No answer.'), 'r');
    expect([problem.status, problem.retryable, retryAfterSeconds]).toEqual([503, true, 2]);
  });

  test('a defect shows nothing of itself', () => {
    const { problem, unexpected } = problemOf(new Error('password=hunter2'), 'request-2');
    expect(JSON.stringify(problem)).not.toContain('hunter2');
    expect([problem.status, unexpected]).toEqual([500, true]);
  });

  test('a refusal of the API keeps the members that were wrong', () => {
    const errors = [{ path: 'name', message: 'too long' }];
    expect(problemOf(new ApiError('invalid', 'Wrong.', { errors }), 'r').problem.errors).toEqual(errors);
  });
});
