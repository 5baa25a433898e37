import { UserCode } from '@boxyard/contracts';
import { expect, test } from 'vitest';
import { newUserCode } from './user-code.ts';

const codes = Array.from({ length: 2_000 }, newUserCode);

test('a code is one that the API takes, also without its hyphen and in small letters', () => {
  for (const code of codes) expect(UserCode.parse(code)).toBe(code);
  const [code] = codes as [string];
  expect(UserCode.parse(` ${code.replace('-', '').toLowerCase()} `)).toBe(code);
});

test('every letter of the alphabet comes up, none that is taken for another does, and codes differ', () => {
  const letters = new Set(codes.join('').replaceAll('-', ''));
  expect([...letters].sort().join('')).toBe('23456789ABCDEFGHJKLMNPQRSTUVWXYZ');
  expect(new Set(codes).size).toBe(codes.length);
});
