import { PointerCache, RoutedBox } from '@boxyard/routing';
import { MemoryBox, MemoryMachine } from '@boxyard/sandbox-conformance';
import type { ActivePointer, Box } from '@boxyard/sandbox-core';
import { inTurns, type Measurement } from './measurement.ts';

const CALLS = 2_000;
const REST: ActivePointer = { activeSandboxId: null, activeEpoch: 0 };

/** What following the pointer costs while it rests: the same calls on a box in memory, routed and not. */
export async function measureRoutedBox(): Promise<Measurement[]> {
  const machine = new MemoryMachine();
  await using direct = new MemoryBox(machine);
  using pointer = new PointerCache({ read: async () => REST, subscribe: () => () => undefined });
  await using routed = await RoutedBox.open({
    sessionId: 'bench',
    pointer,
    open: async () => {
      const box = new MemoryBox(machine);
      return { box, [Symbol.asyncDispose]: () => box.close() };
    },
  });
  const content = new Uint8Array(16);
  await direct.files.write('file', content);
  const stats = (box: Box) => async () => {
    for (let call = 0; call < CALLS; call++) await box.files.stat('file');
  };
  const writes = (box: Box) => async () => {
    for (let call = 0; call < CALLS; call++) await box.files.write('file', content);
  };
  const took = await inTurns(
    { stat: stats(routed), plainStat: stats(direct), write: writes(routed), plainWrite: writes(direct) },
    5,
  );
  const row = (what: string, ours: number, beside: number): Measurement => ({
    what: `${what} through a routed box at rest`,
    ours: us(ours),
    beside: `${us(beside)} the box in memory`,
    ratio: `+${us(ours - beside)}`,
    goal: '≤ +20 µs',
  });
  return [row('a look', took.stat, took.plainStat), row('a change', took.write, took.plainWrite)];
}

/** Of one call, from the milliseconds of all of them. */
const us = (allMs: number): string => `${((allMs / CALLS) * 1000).toFixed(1)} µs`;
