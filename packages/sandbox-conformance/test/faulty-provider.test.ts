import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'vitest';
import {
  FaultyProvider,
  MemoryAccount,
  memoryProvider,
  PROVIDER_CASES,
  type ProviderFault,
  type ProviderPlan,
  runProviderCase,
} from '../src/index.ts';

const accounts: MemoryAccount[] = [];
const faulty = (plan: ProviderPlan) => {
  const account = new MemoryAccount();
  accounts.push(account);
  return { account, provider: new FaultyProvider(memoryProvider({ account }), plan) };
};
const at = (call: 'create' | 'resume' | 'destroy' | 'list', fault: ProviderFault, nth = 1): ProviderPlan => ({
  faults: [{ call, nth, fault }],
});
const request = (group: string) => ({ tag: { deployment: 'test', group, epoch: 1 }, environment: {} });
const failed = (code: string, started?: string) => (error: { code?: string; started?: string }) =>
  error.code === code && (started === undefined || error.started === started);

afterEach(() => {
  for (const account of accounts.splice(0)) account.clear();
});

describe('FaultyProvider', () => {
  for (const one of PROVIDER_CASES) {
    test(`without faults it is the provider: ${one.title}`, async () => {
      const { account, provider } = faulty({});
      await runProviderCase(one, {
        provider,
        again: () => new FaultyProvider(memoryProvider({ account }), {}),
        lose: async (instance) => account.destroy(instance),
      });
    });
  }

  test('a lost reply of create leaves a box that a second create adopts', async () => {
    const { account, provider } = faulty(at('create', { kind: 'lost-reply' }));
    await assert.rejects(provider.create(request('a')), failed('unreachable', 'unknown'));
    assert.equal(account.list().length, 1);
    const box = await provider.create(request('a'));
    assert.equal(box.ref.instance, account.list()[0]?.machine.instance);
    assert.equal(provider.count('create'), 2);
  });

  test('a lost reply of destroy has destroyed', async () => {
    const { account, provider } = faulty(at('destroy', { kind: 'lost-reply' }));
    const box = await provider.create(request('a'));
    await assert.rejects(provider.destroy(box.ref), failed('unreachable'));
    assert.deepEqual(account.list(), []);
    await provider.destroy(box.ref);
  });

  test('a late create is a timeout, and the box appears afterwards', async () => {
    const { account, provider } = faulty(at('create', { kind: 'late-success' }));
    await assert.rejects(provider.create(request('a')), failed('timeout', 'unknown'));
    assert.deepEqual(account.list(), []);
    await provider.settled();
    assert.equal(account.list().length, 1);
  });

  test('a paused box answers nothing until it is released', async () => {
    const { provider } = faulty(at('create', { kind: 'paused' }));
    const box = await provider.create(request('a'));
    await assert.rejects(box.exec({ program: { script: 'true' } }, { deadlineMs: 20 }), failed('timeout'));
    await assert.rejects(box.files.stat('', { deadlineMs: 20 }), failed('timeout'));
    provider.release();
    assert.equal((await box.exec({ program: { script: 'exit 3' } })).exitCode, 3);
  });

  test('a box that dies early is gone at its first use and on resume', async () => {
    const { provider } = faulty(at('create', { kind: 'early-death' }));
    const box = await provider.create(request('a'));
    await assert.rejects(box.exec({ program: { script: 'true' } }), failed('gone'));
    await assert.rejects(provider.resume(box.ref, { epoch: 1, environment: {} }), failed('gone'));
  });

  test('a box that lost its tag is listed without it', async () => {
    const { provider } = faulty(at('create', { kind: 'tag-loss' }));
    const boxes = [await provider.create(request('a')), await provider.create(request('b'))];
    assert.ok(provider.listing.available);
    const tags = new Map<string, string | null>();
    for await (const { ref, tag } of provider.listing.use.list()) tags.set(ref.instance, tag?.group ?? null);
    assert.equal(tags.get(boxes[0]!.ref.instance), null);
    assert.equal(tags.get(boxes[1]!.ref.instance), 'b');
  });

  test('a storm refuses the next calls of every kind, before they begin', async () => {
    const { account, provider } = faulty(at('create', { kind: 'storm', calls: 3 }, 2));
    const box = await provider.create(request('a'));
    await assert.rejects(provider.create(request('b')), failed('unreachable', 'no'));
    await assert.rejects(
      provider.resume(box.ref, { epoch: 1, environment: {} }),
      failed('unreachable', 'no'),
    );
    await assert.rejects(
      provider.destroy(box.ref),
      (error: { retryable?: boolean; cause?: { status?: number } }) => {
        return error.retryable === true && error.cause?.status === 429;
      },
    );
    assert.equal(account.list().length, 1);
    await provider.create(request('b'));
    assert.equal(account.list().length, 2);
  });

  test('a cap on boxes holds also for creates at the same time, and a destroy makes room', async () => {
    const { account, provider } = faulty({ maxBoxes: 2 });
    const results = await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map((group) => provider.create(request(group))),
    );
    const made = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    assert.equal(made.length, 2);
    for (const result of results)
      if (result.status === 'rejected') assert.ok(failed('quota', 'no')(result.reason));
    assert.equal(account.list().length, 2);
    await provider.destroy(made[0]!.ref);
    await provider.create(request('e'));
  });
});
