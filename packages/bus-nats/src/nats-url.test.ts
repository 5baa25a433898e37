import { expect, test } from 'vitest';
import { serverOf } from './nats-url.ts';
import { subjectOf } from './subject.ts';

test('who we are is taken out of the address', () => {
  expect(serverOf('nats://one:4222, tls://two:4333')).toEqual({
    servers: ['nats://one:4222', 'tls://two:4333'],
  });
  expect(serverOf('nats://me:p%40ss@one:4222')).toEqual({
    servers: ['nats://one:4222'],
    user: 'me',
    pass: 'p@ss',
  });
  expect(serverOf('nats://s3cret@one')).toEqual({ servers: ['nats://one'], token: 's3cret' });
});

test.each(['', 'one:4222', 'http://one', 'nats://'])('%j is no address, and is not repeated', (text) => {
  expect(() => serverOf(text)).toThrow(/cannot be used. Write/);
});

test('no topic leads out of our subjects or to another topic', () => {
  const topics = ['events/1', 'events.1', 'events/*', '>', '', ' ', '$', 'events//1', `x/${'y'.repeat(101)}`];
  const subjects = topics.map(subjectOf);
  expect(new Set(subjects).size).toBe(topics.length);
  for (const subject of subjects) expect(subject).toMatch(/^boxyard\.wake(\.[A-Za-z0-9_$-]+)+$/);
  expect(subjects[0]).toBe('boxyard.wake.events.1');
});
