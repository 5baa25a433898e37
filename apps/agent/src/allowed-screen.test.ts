import { expect, test } from 'vitest';
import { allowedScreen } from './allowed-screen.ts';

const allowed = (wanted?: 'view' | 'control', told?: 'view' | 'control', consented = false) => {
  const { seen, controlled, lacks } = allowedScreen({ screen: wanted }, { screen: told }, consented);
  return [seen, controlled, lacks === null];
};

test('is what the owner says now, and no more than whoever let it in was told and allowed', () => {
  expect(allowed()).toEqual([false, false, true]);
  expect(allowed(undefined, 'control', true)).toEqual([false, false, true]);
  expect(allowed('view')).toEqual([false, false, false]);
  expect(allowed('control', undefined, true)).toEqual([false, false, false]);
  expect(allowed('view', 'view')).toEqual([true, false, true]);
  expect(allowed('view', 'control', true)).toEqual([true, false, true]);
  expect(allowed('control', 'view', true)).toEqual([true, false, false]);
  expect(allowed('control', 'control', false)).toEqual([true, false, false]);
  expect(allowed('control', 'control', true)).toEqual([true, true, true]);
});
