import { expect, test } from 'vitest';
import { frameCost } from './frame-cost.ts';
import { SendQueue } from './send-queue.ts';

const push = (queue: SendQueue, text: string) =>
  queue.push(text.length, (seq) => new TextEncoder().encode(`${seq}${text}`));

function sendAll(queue: SendQueue): string {
  const sent: string[] = [];
  for (let next = queue.takeNext(); next !== undefined; next = queue.takeNext()) {
    sent.push(Buffer.from(next.message).toString());
  }
  return sent.join(' ');
}

function filled(texts: string, { from = 0, newestOnly = false } = {}): SendQueue {
  const queue = new SendQueue(newestOnly);
  queue.resumeAt(from);
  for (const text of texts) push(queue, text);
  return queue;
}

test('numbers go on where the relay says this side stands', () => {
  expect(sendAll(filled('abc', { from: 7 }))).toBe('7a 8b 9c');
});

test('what was taken is forgotten, the rest goes out again after a cut', () => {
  const queue = filled('abcd');
  sendAll(queue);
  queue.taken(1);
  expect(queue.pendingBytes).toBe(3 * frameCost(1));
  expect(queue.underWayBytes).toBe(3 * frameCost(1));
  queue.resumeAt(2);
  expect(queue.underWayBytes).toBe(0);
  expect(sendAll(queue)).toBe('2c 3d');
  queue.taken(4);
  expect(queue.pendingBytes).toBe(0);
});

test('a relay that lost its memory gets what is still here', () => {
  const queue = filled('abc', { from: 5 });
  sendAll(queue);
  queue.taken(6);
  queue.resumeAt(0);
  expect(sendAll(queue)).toBe('6b 7c');
});

test('without acks the last of what was flushed is kept for a relay that did not get it', () => {
  const queue = filled('abc');
  sendAll(queue);
  for (const seq of [0, 1, 2]) queue.flushed(seq);
  expect(queue.pendingBytes).toBe(0);
  queue.resumeAt(1);
  expect(sendAll(queue)).toBe('1b 2c');
  const big = new SendQueue(false);
  big.resumeAt(0);
  for (let seq = 0; seq < 40; seq++) {
    big.push(64 * 1024, () => new Uint8Array());
    big.takeNext();
    big.flushed(seq);
  }
  big.resumeAt(0);
  expect(big.pendingBytes).toBeLessThanOrEqual(1024 * 1024);
  expect(big.takeNext()?.seq).toBe(40 - big.pendingBytes / frameCost(64 * 1024));
});

test('of pictures only the newest waits', () => {
  const queue = filled('ab', { newestOnly: true });
  expect(sendAll(queue)).toBe('0b');
  for (const text of 'cde') push(queue, text);
  expect(queue.pendingBytes).toBe(2 * frameCost(1));
  queue.taken(1);
  expect(sendAll(queue)).toBe('1e');
  queue.resumeAt(1);
  push(queue, 'f');
  expect(sendAll(queue)).toBe('1f');
});
