import { test } from 'vitest';
import { WakeUp } from './wake-up.ts';

const NEVER_MS = 2 ** 31 - 1;

test('a call that came before the wait is not lost', async () => {
  const wakeUp = new WakeUp(new AbortController().signal);
  wakeUp.call();
  await wakeUp.wait(NEVER_MS);
  const waiting = wakeUp.wait(NEVER_MS);
  wakeUp.call();
  await waiting;
});

test('an abort ends the wait, and every later one', async () => {
  const stop = new AbortController();
  const wakeUp = new WakeUp(stop.signal);
  const waiting = wakeUp.wait(NEVER_MS);
  stop.abort();
  await waiting;
  await wakeUp.wait(NEVER_MS);
});
