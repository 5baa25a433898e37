import { expect, test } from 'vitest';
import { SandboxError } from '../sandbox-error.ts';
import { traced } from './traced.ts';

test('without an SDK the work is done, its value answered, and its failure passed on as it is', async () => {
  expect(await traced('work', {}, async () => 7)).toBe(7);
  const failure = new SandboxError('gone', 'The box is gone. Open it again.');
  await expect(
    traced('work', {}, async () => {
      throw failure;
    }),
  ).rejects.toBe(failure);
});
