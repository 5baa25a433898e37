import { describe, expect, it } from 'vitest';
import { parseRange, resolveRange } from './byte-range.ts';

describe('a Range header', () => {
  it.each([
    ['bytes=0-0', 10, { first: 0, last: 0 }],
    ['bytes=2-', 10, { first: 2, last: 9 }],
    ['bytes=2-100', 10, { first: 2, last: 9 }],
    ['bytes=-3', 10, { first: 7, last: 9 }],
    ['bytes=-30', 10, { first: 0, last: 9 }],
    ['bytes=10-', 10, null],
    ['bytes=0-', 0, null],
    ['bytes=-0', 10, null],
    ['bytes=-5', 0, null],
  ])('%s of %i bytes', (header, size, range) => {
    expect(resolveRange(parseRange(header)!, size)).toEqual(range);
  });

  it.each([undefined, '', 'bytes=-', 'bytes=5-2', 'bytes=0-1,4-5', 'lines=1-2', 'bytes=a-b', 'bytes=1.5-2'])(
    '%s asks for the whole file',
    (header) => {
      expect(parseRange(header)).toBeNull();
    },
  );
});
