import { expect, test } from 'vitest';
import { BackpressureQueue } from './backpressure-queue.ts';

const KIB = 1024;

/** A queue whose items are their own sizes in KiB, and what its source was told. */
function queueOfSizes() {
  const told: string[] = [];
  const queue = new BackpressureQueue<number>({
    sizeOf: (size) => size * KIB,
    pause: () => told.push('pause'),
    resume: () => told.push('resume'),
  });
  return { queue, told };
}

test('the source waits beyond 1 MiB and goes on below 256 KiB; every item comes, in order', async () => {
  const { queue, told } = queueOfSizes();
  for (let index = 0; index < 4; index++) queue.push(256);
  expect(told).toEqual([]);
  queue.push(256);
  queue.push(1);
  expect(told).toEqual(['pause']);
  const reader = queue[Symbol.asyncIterator]();
  for (let index = 0; index < 4; index++) expect((await reader.next()).value).toBe(256);
  expect(told).toEqual(['pause']);
  expect((await reader.next()).value).toBe(256);
  expect(told).toEqual(['pause', 'resume']);
  queue.end();
  expect(await reader.next()).toEqual({ value: 1, done: false });
  expect((await reader.next()).done).toBe(true);
});

test('a reader that waits is woken by the next item and by the end', async () => {
  const { queue } = queueOfSizes();
  const reader = queue[Symbol.asyncIterator]();
  const item = reader.next();
  queue.push(7);
  expect((await item).value).toBe(7);
  const last = reader.next();
  queue.end();
  expect((await last).done).toBe(true);
});

test('a source that is let go on may be paused again, unless it is never to be', () => {
  const { queue, told } = queueOfSizes();
  queue.push(2048);
  queue.resume();
  queue.push(1);
  expect(told).toEqual(['pause', 'resume', 'pause']);
  queue.neverPause();
  queue.push(2048);
  expect(told).toEqual(['pause', 'resume', 'pause', 'resume']);
});
