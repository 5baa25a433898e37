import { expect, test } from 'vitest';
import { BoxyardError, createClient } from './index.ts';

test('an error is recognised across copies of the package, and nothing else is', async () => {
  const copy: typeof import('./boxyard-error.ts') = await import(
    new URL('./boxyard-error.ts?copy', import.meta.url).href
  );
  expect(copy.BoxyardError).not.toBe(BoxyardError);
  const foreign = new copy.BoxyardError('conflict', 'It is taken. Choose another.');
  expect(foreign).not.toBeInstanceOf(BoxyardError);
  expect(BoxyardError.isInstance(foreign)).toBe(true);
  expect(BoxyardError.hasCode(foreign, 'conflict')).toBe(true);
  expect(BoxyardError.hasCode(foreign, 'invalid')).toBe(false);
  for (const other of [null, undefined, 'x', new Error('x'), { code: 'conflict' }]) {
    expect(BoxyardError.isInstance(other)).toBe(false);
  }
});

test('a client without an address says how to give one', () => {
  const before = process.env.BOXYARD_URL;
  delete process.env.BOXYARD_URL;
  try {
    expect(() => createClient()).toThrow(/BOXYARD_URL/);
    expect(() => createClient({ url: 'not an address' })).toThrow(/not an address/);
  } finally {
    if (before !== undefined) process.env.BOXYARD_URL = before;
  }
});
