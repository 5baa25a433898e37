import { expect, test } from 'vitest';
import { checkSocketOwner, isTrustedOwner } from './socket-owner.ts';

test("an X server is root's, our own user's, or of whoever keeps its cookie", () => {
  expect(isTrustedOwner(0, 1000, null)).toBe(true);
  expect(isTrustedOwner(1000, 1000, null)).toBe(true);
  expect(isTrustedOwner(1000, 0, 1000)).toBe(true);
  expect(isTrustedOwner(1000, 0, null)).toBe(false);
  expect(isTrustedOwner(1001, 1000, 1000)).toBe(false);
});

test('a socket that is not there is no X server', async () => {
  await expect(checkSocketOwner('/nowhere/X0', '/nowhere/authority')).rejects.toThrow('ENOENT');
});
