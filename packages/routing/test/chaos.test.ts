// A connection that loses, delays, fences and dies at every point of a route's calls, with swaps in between.
import { ChaosBox, ChaosDeath, type ChaosFault } from '@boxyard/sandbox-conformance';
import { type Box, SandboxError } from '@boxyard/sandbox-core';
import { describe, expect, test } from 'vitest';
import { bytes, Stage } from './stage.ts';

/** How a work on a routed box went, step by step: the code of each failure, or done. */
async function work(stage: Stage): Promise<Record<string, string>> {
  const went: Record<string, string> = {};
  const step = async (name: string, run: () => Promise<unknown>) => {
    went[name] = await run().then(
      () => 'done',
      (error: unknown) => {
        if (SandboxError.isInstance(error)) return error.code;
        if (error instanceof ChaosDeath) return 'died';
        throw error;
      },
    );
  };
  const box = await stage.route();
  const options = { deadlineMs: 200 };
  // Each leaves one line for every time that it was really done.
  const line = (name: string) => ({ program: { script: `echo x >>${name}` } });
  await step('first', () => box.exec(line('first'), options));
  await step('read', () => box.files.list('', options));
  await stage.move('away');
  await step('second', () => box.exec(line('second'), options));
  await step('write', () => box.files.write('write', bytes('x\n'), { ...options, ifAbsent: true }));
  await stage.move(null, { told: false });
  await step('third', () => box.exec(line('third'), options));
  await step('read again', () => box.files.read('third', options));
  return went;
}

/** How often a step was really done, in all boxes together. */
async function times(stage: Stage, name: string): Promise<number> {
  const counts = await Promise.all(
    [...stage.machines.keys()].map(async (machine) => {
      const found = await stage
        .box(machine)
        .files.read(name)
        .catch(() => new Uint8Array(0));
      return Buffer.from(found).toString().split('\n').length - 1;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

const FAULTS: readonly ChaosFault[] = [
  { kind: 'drop' },
  { kind: 'delay', delayMs: 5 },
  { kind: 'fence' },
  { kind: 'die' },
];
const CHANGES = ['first', 'second', 'write', 'third'];

describe.each(FAULTS)('a connection that brings a $kind', (fault) => {
  test.each(['home', 'away'])('at any point of what is asked of %s', async (faulty) => {
    let reached = true;
    for (let point = 1; reached && point < 40; point += 1) {
      const opened: ChaosBox[] = [];
      const stage = new Stage({
        decorate: (own: Box, name) => {
          // One fault in all: whoever opens the box anew has a good connection.
          if (name !== faulty || opened.length > 0) return own;
          const chaos = new ChaosBox(own, { faults: [{ point, fault }] });
          opened.push(chaos);
          return chaos;
        },
      });
      const went = await work(stage);
      reached = (opened[0]?.trail.length ?? 0) >= point;
      for (const name of CHANGES) {
        const done = await times(stage, name);
        const said = `${name} is ${went[name]} with ${fault.kind} at point ${point} of ${faulty}`;
        expect(done, said).toBeLessThanOrEqual(1);
        if (went[name] === 'done') expect(done, said).toBe(1);
        // Refusals that say that nothing had begun are never left to the caller: there is a way on.
        expect(went[name], said).not.toBe('fenced');
      }
      // A fence costs no look, and no change that had not begun.
      if (fault.kind === 'fence') {
        const codes = new Set(Object.values(went));
        expect([...codes].filter((code) => code !== 'done' && code !== 'outcome-unknown')).toEqual([]);
        expect([went.read, went['read again']]).toEqual(['done', 'done']);
      }
      if (fault.kind === 'delay') expect(new Set(Object.values(went))).toEqual(new Set(['done']));
    }
    expect(reached).toBe(false);
  });
});
