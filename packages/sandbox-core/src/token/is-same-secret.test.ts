import { expect, test } from 'vitest';
import { isSameSecret } from './is-same-secret.ts';

test.each([
  ['the same', 'correct-horse', 'correct-horse', true],
  ['another of the same length', 'correct-mouse', 'correct-horse', false],
  ['a beginning of it', 'correct', 'correct-horse', false],
  ['one with more behind it', 'correct-horse-', 'correct-horse', false],
  ['nothing', '', 'correct-horse', false],
  ['as many characters and more bytes', 'cörrect-horse', 'correct-horse', false],
])('%s', (_, shown, secret, same) => {
  expect(isSameSecret(shown, secret)).toBe(same);
});
