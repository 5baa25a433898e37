import { expect, test } from 'vitest';
import { swapPointer } from './swap-pointer.ts';

const home = { activeSandboxId: null, activeEpoch: 4 };

test('a swap moves the pointer and grows its epoch', () => {
  expect(swapPointer(home, 'g', 4)).toEqual({
    pointer: { activeSandboxId: 'g', activeEpoch: 5 },
    outcome: 'swapped',
  });
});

test('a swap with a stale epoch is fenced and changes nothing', () => {
  expect(swapPointer(home, 'g', 3)).toEqual({ pointer: home, outcome: 'fenced' });
});

test('a swap to what is active already is no swap, also when it is repeated after a lost reply', () => {
  expect(swapPointer(home, null, 4)).toEqual({ pointer: home, outcome: 'unchanged' });
  const swapped = swapPointer(home, 'g', 4).pointer;
  expect(swapPointer(swapped, 'g', 4)).toEqual({ pointer: swapped, outcome: 'unchanged' });
});
