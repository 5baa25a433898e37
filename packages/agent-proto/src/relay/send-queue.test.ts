import { expect, test } from 'vitest';
import { frameCost } from './frame-cost.ts';
import { SendQueue } from './send-queue.ts';

const frame = (text: string) => new TextEncoder().encode(text);

function sendAll(queue: SendQueue): string {
  const sent: string[] = [];
  for (let next = queue.takeNext(); next !== undefined; next = queue.takeNext()) {
    sent.push(`${next.seq}${Buffer.from(next.data)}`);
  }
  return sent.join(' ');
}

function filled(texts: string, newestOnly = false): SendQueue {
  const queue = new SendQueue(newestOnly);
  for (const text of texts) queue.push(frame(text), 0);
  return queue;
}

test('numbers go on where the relay says this side stands', () => {
  const queue = filled('ab');
  queue.resumeAt(7);
  queue.push(frame('c'), 0);
  expect(sendAll(queue)).toBe('7a 8b 9c');
});

test('what was taken is forgotten, the rest goes out again after a cut', () => {
  const queue = filled('abcd');
  queue.resumeAt(0);
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
  const queue = filled('abc');
  queue.resumeAt(5);
  sendAll(queue);
  queue.taken(6);
  queue.resumeAt(0);
  expect(sendAll(queue)).toBe('6b 7c');
});

test('without acks the last of what was flushed is kept for a relay that did not get it', () => {
  const queue = filled('abc');
  queue.resumeAt(0);
  sendAll(queue);
  for (const seq of [0, 1, 2]) queue.flushed(seq);
  expect(queue.pendingBytes).toBe(0);
  queue.resumeAt(1);
  expect(sendAll(queue)).toBe('1b 2c');
  const big = new SendQueue(false);
  big.resumeAt(0);
  for (let seq = 0; seq < 40; seq++) {
    big.push(new Uint8Array(64 * 1024), 0);
    big.takeNext();
    big.flushed(seq);
  }
  big.resumeAt(0);
  expect(big.pendingBytes).toBeLessThanOrEqual(1024 * 1024);
  expect(big.takeNext()?.seq).toBe(40 - big.pendingBytes / frameCost(64 * 1024));
});

test('of pictures only the newest waits', () => {
  const queue = filled('ab', true);
  queue.resumeAt(0);
  expect(sendAll(queue)).toBe('0b');
  for (const text of 'cde') queue.push(frame(text), 0);
  expect(queue.pendingBytes).toBe(2 * frameCost(1));
  queue.taken(1);
  expect(sendAll(queue)).toBe('1e');
  queue.resumeAt(1);
  queue.push(frame('f'), 0);
  expect(sendAll(queue)).toBe('1f');
});
