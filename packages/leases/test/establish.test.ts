import { MemoryBox } from '@boxyard/sandbox-conformance';
import { type BoxEnvelope, establish, SandboxError } from '@boxyard/sandbox-core';
import { expect, test } from 'vitest';
import { fakeCloud } from './fake-cloud.ts';

const tag = { deployment: 'test', group: 'g', epoch: 1 };
const create = { tag, environment: {} };
const envelopeOf = (instance: string): BoxEnvelope => ({
  backendId: 'docker',
  sessionState: { providerState: { instanceId: instance }, workspaceReady: true },
});

test('a new box is recorded before it is restored, and ready before it is answered', async () => {
  const { provider, machines } = fakeCloud({ parks: false });
  const order: string[] = [];
  const made = await establish({
    provider,
    envelope: null,
    create,
    record: async (box) => void order.push(`record ${box.ref.instance}`),
    restore: async (box) => {
      order.push(`restore ${box.ref.instance}`);
      return { kind: 'EXACT' };
    },
  });
  expect(order).toEqual([`record ${made.instanceId}`, `restore ${made.instanceId}`]);
  expect(made).toMatchObject({ origin: 'created', backendId: 'docker', receipt: { kind: 'EXACT' } });
  expect(made.envelope).toEqual(envelopeOf(made.instanceId));
  expect([...machines.keys()]).toEqual([made.instanceId]);
});

test('what the envelope names is found again, and no other box is made', async () => {
  const { provider, machines } = fakeCloud({ parks: false });
  const { ref } = await provider.create(create);
  const found = await establish({
    provider,
    envelope: envelopeOf(ref.instance),
    create: { ...create, tag: { ...tag, epoch: 2 } },
    record: () => Promise.reject(new Error('nothing was made')),
    restore: null,
  });
  expect(found).toMatchObject({ origin: 'resumed', instanceId: ref.instance, receipt: { kind: 'EXACT' } });
  expect(machines.size).toBe(1);
});

/** Its first command ends as if somebody had killed it together with what watched over it. */
class KilledCommandBox extends MemoryBox {
  override exec(): Promise<never> {
    return Promise.reject(new SandboxError('gone', 'The command is gone. Start it anew.'));
  }
}

test.each([
  { fate: 'stands', outcome: { code: 'unreachable', stage: 'establish.ready' } },
  { fate: 'is gone too', outcome: { origin: 'created', receipt: { kind: 'STALE' } } },
] as const)('a box whose first command is gone, and that $fate', async ({ fate, outcome }) => {
  const { provider, machines, asked, kill } = fakeCloud({ parks: true });
  const { ref } = await provider.create(create);
  let resumed = 0;
  const killing = {
    ...provider,
    resume: async (...call: Parameters<typeof provider.resume>) => {
      resumed += 1;
      if (resumed === 2 && fate !== 'stands') kill(ref.instance);
      await provider.resume(...call);
      return new KilledCommandBox(machines.get(ref.instance)!.machine, call[1].epoch);
    },
  };
  const restored: string[] = [];
  const established = establish({
    provider: killing,
    envelope: { ...envelopeOf(ref.instance), backendId: provider.descriptor.backendId },
    create: { ...create, tag: { ...tag, epoch: 2 } },
    record: async () => {},
    restore: async (box) => {
      restored.push(box.ref.instance);
      return { kind: 'STALE', from: '', to: '' };
    },
  });
  expect(await established.catch((error: unknown) => error)).toMatchObject(outcome);
  // Its files are newer than any archive.
  expect(restored).toEqual(fate === 'stands' ? [] : [ref.instance]);
  expect(asked.filter((one) => one.startsWith('create'))).toHaveLength(fate === 'stands' ? 1 : 2);
});

test('a resume error that does not prove the box gone propagates and makes no rival', async () => {
  const { provider, asked } = fakeCloud({ parks: false });
  const away = {
    ...provider,
    resume: () => Promise.reject(new SandboxError('unreachable', 'No answer. Try again.')),
  };
  const request = {
    provider: away,
    envelope: envelopeOf('x'),
    create,
    record: async () => {},
    restore: null,
  };
  await expect(establish(request)).rejects.toMatchObject({ code: 'unreachable' });
  expect(asked).toEqual([]);
});

test.each(['restore', 'record'] as const)(
  'when its %s fails the new box is destroyed and the error propagates',
  async (step) => {
    const { provider, machines } = fakeCloud({ parks: false });
    const fails = () => Promise.reject(new Error('no route'));
    const request = {
      provider,
      envelope: envelopeOf('gone-long-ago'),
      create,
      record: step === 'record' ? fails : async () => {},
      restore: fails,
    };
    await expect(establish(request)).rejects.toThrow('no route');
    expect(machines.size).toBe(0);
  },
);

test('a box that cannot run a command is not ready', async () => {
  const { provider, machines } = fakeCloud({ parks: false });
  const dead = {
    ...provider,
    create: async (...call: Parameters<typeof provider.create>) => {
      const box = await provider.create(...call);
      machines.get(box.ref.instance)?.machine.freeze();
      return box;
    },
  };
  const request = {
    provider: dead,
    envelope: null,
    create,
    record: async () => {},
    restore: null,
    readyDeadlineMs: 50,
  };
  await expect(establish(request)).rejects.toMatchObject({ code: 'timeout' });
  expect(machines.size).toBe(0);
});
