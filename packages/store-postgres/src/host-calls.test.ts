import { type HostCalls, type JoinedHost, SandboxError } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openStore, type PostgresStore } from './open-store.ts';
import { openTestStore, type TestStore } from './testing.ts';

let store: TestStore;
let other: PostgresStore;
const joined: JoinedHost[] = [];

beforeAll(async () => {
  store = await openTestStore();
  other = await openStore({ connection: store.connection });
});
afterAll(async () => {
  await other.close();
  await store.close();
});
afterEach(async () => {
  for (const host of joined.splice(0)) await host[Symbol.asyncDispose]();
});

const deadlineMs = 30_000;

function join(calls: HostCalls, answer: (request: unknown) => Promise<unknown> = async () => null) {
  const id = uuidv7();
  const host = calls.join(id, answer);
  joined.push(host);
  return { id, call: host.call.bind(host) };
}

test('an answer comes back to the server that asked, whatever its size and characters', async () => {
  const asking = join(store.hostCalls);
  const echoing = join(other.hostCalls, async (request) => request);
  const large = { text: '\0ü'.repeat(100_000), list: [1, null, { deep: true }] };
  expect(await asking.call(echoing.id, large, { deadlineMs })).toEqual(large);
  const many = Array.from({ length: 50 }, (_, n) => n);
  expect(await Promise.all(many.map((n) => asking.call(echoing.id, n, { deadlineMs })))).toEqual(many);
});

test('calls that are made one after the other arrive in this order, while another one waits', async () => {
  const seen: unknown[] = [];
  let release = () => {};
  const waits = new Promise<void>((resolve) => {
    release = resolve;
  });
  const called = join(other.hostCalls, async (request) => {
    if (request === 'wait') return waits;
    seen.push(request);
    return null;
  });
  const asking = join(store.hostCalls);
  const waiting = asking.call(called.id, 'wait', { deadlineMs });
  for (let n = 0; n < 20; n += 1) await asking.call(called.id, n, { deadlineMs });
  expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => n));
  release();
  expect(await waiting).toBeNull();
});

test('an error arrives as it was thrown', async () => {
  const asking = join(store.hostCalls);
  const failing = join(other.hostCalls, async () => {
    throw new SandboxError('fenced', 'It moved on. Open it again.', { stage: 'there', started: 'no' });
  });
  await expect(asking.call(failing.id, {}, { deadlineMs })).rejects.toMatchObject({
    code: 'fenced',
    message: 'It moved on. Open it again.',
    stage: 'there',
    started: 'no',
  });
  const broken = join(other.hostCalls, async () => {
    throw new TypeError('secret detail');
  });
  const answer = asking.call(broken.id, {}, { deadlineMs });
  await expect(answer).rejects.toMatchObject({ code: 'outcome-unknown' });
  await expect(answer).rejects.not.toThrow('secret detail');
});

test('tells a call that nobody took from one that was taken and not answered', async () => {
  const asking = join(store.hostCalls);
  await expect(asking.call(uuidv7(), {}, { deadlineMs: 50 })).rejects.toMatchObject({
    code: 'unreachable',
    started: 'no',
  });
  let taken = () => {};
  const isTaken = new Promise<void>((resolve) => {
    taken = resolve;
  });
  const silent = join(other.hostCalls, () => {
    taken();
    return new Promise(() => {});
  });
  const stop = new AbortController();
  const unanswered = asking.call(silent.id, {}, { deadlineMs: 5_000 });
  const cancelled = asking.call(silent.id, {}, { deadlineMs, signal: stop.signal });
  unanswered.catch(() => {});
  await isTaken;
  stop.abort();
  await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
  await expect(unanswered).rejects.toMatchObject({ code: 'outcome-unknown' });
  expect(await store.sql`SELECT id FROM boxyard.host_calls`).toEqual([]);
});
