import { expect, test } from 'vitest';
import { ENROLLMENT_RATE_LIMITS, TokenBuckets } from './rate-limits.ts';

test('the routes of the protocol have the rates of the protocol', () => {
  const { start, poll, lookup, exchange } = ENROLLMENT_RATE_LIMITS;
  expect([start, poll, lookup, exchange].map(({ burst, perSecond }) => [burst, perSecond])).toEqual([
    [10, 0.5],
    [60, 2],
    [30, 1],
    [20, 0.5],
  ]);
});

test('a burst passes at once, then as many as the rate allows, and who waits as told passes', () => {
  let nowMs = 0;
  const buckets = new TokenBuckets({ burst: 3, perSecond: 0.5 }, () => nowMs);
  expect([1, 2, 3].map(() => buckets.take('a'))).toEqual([null, null, null]);
  expect(buckets.take('a')).toBe(2_000);
  expect(buckets.take('b')).toBeNull();
  nowMs = 1_999;
  expect(buckets.take('a')).toBe(1);
  nowMs = 2_000;
  expect(buckets.take('a')).toBeNull();
  nowMs = 1_000_000;
  expect([1, 2, 3, 4].map(() => buckets.take('a') === null)).toEqual([true, true, true, false]);
});

test('what is given back can be taken again, and never more than the burst', () => {
  const buckets = new TokenBuckets({ burst: 2, perSecond: 1 }, () => 0);
  for (let n = 0; n < 10; n++) {
    expect(buckets.take('a')).toBeNull();
    buckets.giveBack('a');
    buckets.giveBack('a');
  }
  expect([1, 2, 3].map(() => buckets.take('a') === null)).toEqual([true, true, false]);
});

test('however many addresses ask, the ones that were not heard of for longest are forgotten', () => {
  const buckets = new TokenBuckets({ burst: 1, perSecond: 1 }, () => 0);
  for (let n = 0; n <= 50_000; n++) buckets.take(`address ${n}`);
  expect(buckets.take('address 50000')).not.toBeNull();
  expect(buckets.take('address 0')).toBeNull();
});
