import { expect, test } from 'vitest';
import { OpenedParts } from './opened-parts.ts';

test('parts are closed in the reverse order, each of them, and the first failure is told', async () => {
  const closed: string[] = [];
  const parts = new OpenedParts();
  parts.use({ [Symbol.dispose]: () => void closed.push('first') });
  parts.defer(() => {
    closed.push('second');
    throw new Error('second failed');
  });
  parts.use({ [Symbol.asyncDispose]: async () => void closed.push('third') });
  await expect(parts[Symbol.asyncDispose]()).rejects.toThrow('second failed');
  expect(closed).toEqual(['third', 'second', 'first']);
  await parts[Symbol.asyncDispose]();
  expect(closed).toHaveLength(3);
});

test('moved parts are closed by their new keeper only', async () => {
  let closed = 0;
  let kept: OpenedParts;
  {
    await using opening = new OpenedParts();
    opening.defer(() => {
      closed += 1;
    });
    kept = opening.move();
  }
  expect(closed).toBe(0);
  await kept[Symbol.asyncDispose]();
  expect(closed).toBe(1);
});
