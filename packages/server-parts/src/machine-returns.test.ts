import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { MachineReturns, type MachineReturnsOptions } from './machine-returns.ts';

type Among = NonNullable<Parameters<MachineReturnsOptions['ops']['adoptRunning']>[0]>['among'];

/** Groups by the machine that they are on; all in one workspace. */
const MACHINE_OF = new Map([
  ['on-laptop', 'laptop'],
  ['on-server', 'server'],
  ['at-home', null],
]);

function stage(
  adopt: (among: ReadonlySet<string>) => Promise<void> = async () => undefined,
  { silentMs = 0 } = {},
) {
  const looks: string[][] = [];
  const troubles: unknown[] = [];
  const returns = new MachineReturns({
    ops: {
      adoptRunning: async ({ among }: { readonly among?: Among } = {}) => {
        const groups = (await among?.(new Set(MACHINE_OF.keys()))) ?? new Set();
        looks.push([...groups].sort());
        await adopt(groups);
        return { adopted: groups.size, lost: 0 };
      },
    },
    sessions: {
      getGroup: async (workspaceId, id) => {
        if (workspaceId !== 'ours') return null;
        return { machineId: MACHINE_OF.get(id) ?? null };
      },
    },
    onTrouble: (error) => troubles.push(error),
    silentMs,
  });
  return { returns, looks, troubles };
}

const hello = (agentId: string, workspaceId = 'ours') => ({ workspaceId, agentId });

test('hellos that come together are one look, at the commands on those machines only', async () => {
  const { returns, looks } = stage();
  returns.note(hello('laptop'));
  returns.note(hello('laptop'));
  returns.note(hello('server', 'theirs'));
  await expect.poll(() => looks, { timeout: 30_000 }).toEqual([['on-laptop']]);
  await returns[Symbol.asyncDispose]();
});

test('a look that is held up holds up no other one', async () => {
  const held = Promise.withResolvers<void>();
  const { returns, looks } = stage((groups) => (groups.has('on-laptop') ? held.promise : Promise.resolve()));
  returns.note(hello('laptop'));
  await expect.poll(() => looks.length, { timeout: 30_000 }).toBe(1);
  returns.note(hello('server'));
  await expect.poll(() => looks, { timeout: 30_000 }).toEqual([['on-laptop'], ['on-server']]);
  let ended = false;
  const ending = returns[Symbol.asyncDispose]().then(() => {
    ended = true;
  });
  await turn();
  expect(ended).toBe(false);
  held.resolve();
  await ending;
});

test('one that fails is told and does not end the looking', async () => {
  const { returns, looks, troubles } = stage(async (groups) => {
    if (groups.has('on-laptop')) throw new Error('the record is away');
  });
  returns.note(hello('laptop'));
  await expect.poll(() => troubles.length, { timeout: 30_000 }).toBe(1);
  returns.note(hello('server'));
  await expect.poll(() => looks.length, { timeout: 30_000 }).toBe(2);
  await returns[Symbol.asyncDispose]();
  returns.note(hello('laptop'));
  expect(looks).toHaveLength(2);
});

test('where the server before may not have been silent for long enough, each hello is a second look', async () => {
  const { returns, looks } = stage(undefined, { silentMs: 20 });
  returns.note(hello('laptop'));
  await expect.poll(() => looks, { timeout: 30_000 }).toEqual([['on-laptop'], ['on-laptop']]);
  await returns[Symbol.asyncDispose]();
});
