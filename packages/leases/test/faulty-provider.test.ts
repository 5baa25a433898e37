// R3: whatever a provider does to one of its calls, after two periods of the reaper it has the boxes that leases name,
// and no file that was captured is lost.
import { FaultyProvider, type ProviderCall, type ProviderFault } from '@boxyard/sandbox-conformance';
import { SandboxError } from '@boxyard/sandbox-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { group, open, openStage, read, type Server, type Stage, write } from './stage.ts';

const HOUR_MS = 3_600_000;
const FAULTS: readonly ProviderFault[] = [
  { kind: 'lost-reply' },
  { kind: 'late-success' },
  { kind: 'early-death' },
  { kind: 'storm', calls: 2 },
];
const CALLS: readonly (readonly [ProviderCall, number])[] = [
  ['create', 1],
  ['create', 2],
  ['resume', 1],
  ['resume', 2],
  ['destroy', 1],
  ['destroy', 2],
  ['park', 1],
  ['list', 1],
];
/** A box that stops keeps its folder where it parks, and is made and destroyed anew where it does not. */
const NEVER: Readonly<Record<'parks' | 'ends', readonly string[]>> = {
  parks: ['create 2', 'destroy 2'],
  ends: ['park 1', 'resume 2'],
};

type Own = ReturnType<typeof group>;

const boxesOf = (stage: Stage, own: Own) =>
  [...stage.cloud.machines.values()].flatMap(({ machine, tag }) =>
    tag?.group === own.groupId ? [machine.instance] : [],
  );

/** What a caller is told is of the one family; and it is asked again, as callers do. */
async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!SandboxError.isInstance(error) || tries === 5) throw error;
    }
  }
}

async function periods(server: Server, stage: Stage, times: number): Promise<void> {
  for (let period = 0; period < times; period += 1) {
    await stage.advance(HOUR_MS);
    await server.reaper.tick();
  }
}

describe.each([{ parks: false }, { parks: true }])('a provider on a bad day (parks: $parks)', ({ parks }) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage({ parks });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const cases = CALLS.flatMap(([call, nth]) =>
    FAULTS.map((fault) => ({ call, nth, fault, name: fault.kind })),
  );
  const handsOut = (call: ProviderCall) => call === 'create' || call === 'resume';
  const possible = cases.filter(
    ({ call, nth, name }) =>
      !NEVER[parks ? 'parks' : 'ends'].includes(`${call} ${nth}`) &&
      (name !== 'early-death' || handsOut(call)),
  );

  test.each(possible)('$name of $call $nth', async ({ call, nth, fault }) => {
    const own = group();
    const provider = new FaultyProvider(stage.cloud.provider, { faults: [{ call, nth, fault }] });
    const server = stage.server({ provider });
    const first = await insist(() => open(server, stage, own));
    await insist(() => write(first, 'a', 'kept')).catch(() => {});
    await first.close();
    await insist(() => server.leases.pause(own, { force: true }));
    const isKept = (await stage.store.artifacts.restorable(own.groupId)).length > 0;
    const second = await insist(() => open(server, stage, own));
    if (isKept) expect(await insist(() => read(second, 'a'))).toBe('kept');
    await second.close();
    await provider.settled();
    await periods(server, stage, 2);

    const report = await server.leases.inspect(own.groupId);
    const named = [report?.box, ...(report?.condemned ?? []).map(({ ref }) => ref)].map(
      (ref) => ref?.instance,
    );
    const home = parks ? [own.groupId] : [];
    for (const instance of boxesOf(stage, own)) expect([...named, ...home]).toContain(instance);
    await server.leases.destroy(own);
    await periods(server, stage, 2);
    expect(boxesOf(stage, own)).toEqual([]);
    expect(await stage.store.leases.listCondemned([own.groupId])).toEqual([]);
    expect(provider.count(call)).toBeGreaterThanOrEqual(nth);
    await server.leases.close();
  });
});
