import { expect, test } from 'vitest';
import { eventually } from './eventually.ts';

test('looks until there is something, and answers it', async () => {
  const answers = [null, undefined, false, { seen: true }];
  expect(await eventually('an object', async () => answers.shift(), { everyMs: 1 })).toEqual({ seen: true });
  expect(answers).toEqual([]);
});

test('says what never came', async () => {
  const waited = eventually('a miracle', () => false, { withinMs: 5, everyMs: 1 });
  await expect(waited).rejects.toThrow('Not seen within 0.005 s: a miracle.');
});

test('ends with the error of a look, unless it is to go on through errors', async () => {
  const failing = async () => {
    throw new Error('no connection');
  };
  await expect(eventually('an answer', failing)).rejects.toThrow('no connection');
  const patient = eventually('an answer', failing, { withinMs: 5, everyMs: 1, throughErrors: true });
  await expect(patient).rejects.toMatchObject({ cause: { message: 'no connection' } });

  let looks = 0;
  const recovering = async () => (++looks < 3 ? failing() : looks);
  expect(await eventually('an answer', recovering, { everyMs: 1, throughErrors: true })).toBe(3);
});
