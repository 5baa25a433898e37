import { MemoryBox } from '@boxyard/sandbox-conformance';
import { expect, test } from 'vitest';
import { machineOf, machineProvider, NatsControlRpc, refOfMachine } from '../src/index.ts';
import { servedMachine } from './served-machine.ts';

const OPEN = { epoch: 3, environment: {} };

test('a machine is found by its id, with its real folder, also by one who never heard of it', async () => {
  const served = servedMachine(new MemoryBox());
  const ref = refOfMachine(served.wire.machine);
  expect(machineOf(JSON.parse(JSON.stringify(ref)))).toEqual(served.wire.machine);
  let asked = 0;
  const machines = {
    lastHello: async () => {
      asked++;
      return served.server.hello();
    },
  };
  for (const known of [machines, undefined]) {
    const provider = machineProvider({ link: () => served.wire.link(), machines: known });
    await using box = await provider.resume(ref, OPEN);
    expect([box.ref, box.epoch, box.workspaceRoot]).toEqual([ref, 3, served.box.workspaceRoot]);
    await box.files.write('made', new Uint8Array([1]));
  }
  expect(asked).toBe(1);
  const provider = machineProvider({ link: () => served.wire.link() });
  // It is its owner's: nothing of it is ever removed from here.
  await provider.destroy(ref);
  expect((await served.box.files.stat('made'))?.sizeBytes).toBe(1);
  await served.server.close();
});

test('no machine is made, and a ref of another provider is refused', async () => {
  const provider = machineProvider({ link: () => new NatsControlRpc({ connect: async () => null }) });
  const tag = { deployment: 'test', group: 'group', epoch: 1 };
  await expect(provider.create({ tag, environment: {} })).rejects.toMatchObject({
    code: 'unsupported',
    started: 'no',
  });
  expect(() => provider.accept({})).toThrow(expect.objectContaining({ code: 'unsupported' }));
  const foreign = { provider: 'local', instance: 'x', resume: {} };
  await expect(provider.resume(foreign, OPEN)).rejects.toMatchObject({ code: 'invalid' });
  expect(provider.isGone(new Error('no such machine'))).toBe(false);
});

test('a machine that is away can be opened where it is known, and is out of reach on the first call', async () => {
  const served = servedMachine(new MemoryBox());
  const hello = served.server.hello();
  await served.server.close();
  const timings = { pauseMs: 1, longestPauseMs: 1 };
  const machines = { lastHello: async () => hello };
  const provider = machineProvider({ link: () => served.wire.link(), machines, timings });
  await using box = await provider.resume(refOfMachine(served.wire.machine), OPEN);
  const error = await box.exec({ program: { script: 'true' } }).catch((failure: unknown) => failure);
  expect(error).toMatchObject({ code: 'unreachable', started: 'no' });
  expect(provider.isGone(error)).toBe(false);
});
