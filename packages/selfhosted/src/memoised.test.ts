import { expect, test } from 'vitest';
import { Memoised } from './memoised.ts';

test('it is made on first use, once for all who ask at the same time', async () => {
  let made = 0;
  const memoised = new Memoised(
    async () => ++made,
    () => true,
  );
  expect(made).toBe(0);
  expect(await Promise.all([memoised.get(), memoised.get()])).toEqual([1, 1]);
  expect(await memoised.get()).toBe(1);
});

test('a failure and nothing are not kept, and what became unusable is made anew', async () => {
  const answers: (() => Promise<number | null>)[] = [
    () => Promise.reject(new Error('not yet')),
    async () => null,
    async () => 3,
    async () => 4,
  ];
  let asked = 0;
  const usable = new Set([3, 4]);
  const memoised = new Memoised<number>(
    () => answers[asked++]?.() ?? Promise.resolve(null),
    (value) => usable.has(value),
  );
  await expect(memoised.get()).rejects.toThrow('not yet');
  expect(await memoised.get()).toBeNull();
  expect(await memoised.get()).toBe(3);
  usable.delete(3);
  expect(await memoised.get()).toBe(4);
});

test('what was closed makes nothing any more, and ends what it had made', async () => {
  const ended: number[] = [];
  const memoised = new Memoised(
    async () => 7,
    () => true,
  );
  await memoised.get();
  await memoised.close(async (made) => void ended.push(made));
  await memoised.close(async (made) => void ended.push(made));
  expect(await memoised.get()).toBeNull();
  expect(ended).toEqual([7]);
});
