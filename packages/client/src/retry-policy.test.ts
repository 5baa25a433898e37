import { expect, test } from 'vitest';
import { retryDelayMs } from './retry-policy.ts';

test('the delay is anything up to a bound that doubles, and what the server asks for comes on top', () => {
  const longest = (attempt: number) => retryDelayMs(attempt, null, () => 1);
  expect([1, 2, 3].map(longest)).toEqual([250, 500, 1000]);
  expect(longest(50)).toBe(10_000);
  expect(retryDelayMs(3, null, () => 0)).toBe(0);
  expect(retryDelayMs(1, 2_000, () => 0.5)).toBe(2_125);
});
