// The cases again over wires that lose, repeat, delay and reorder what they carry, and with a box behind them that is
// slow itself. All of them with BOXYARD_SOAK=1; those whose way over the wire is the longest always.
import {
  BOX_CASES,
  type BoxArea,
  type BoxSubject,
  ChaosBox,
  MemoryBox,
  MemoryMachine,
  runBoxCase,
} from '@boxyard/sandbox-conformance';
import type { Box } from '@boxyard/sandbox-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WireFaults } from '../src/testing/index.ts';
import { servedMachine } from './served-machine.ts';

/** What a wire has lost is noticed quickly, so that the suite does not wait as long as a person would for a machine. */
const IMPATIENT = {
  requestMs: 400,
  heldMs: 500,
  silenceMs: 400,
  ackMs: 100,
  gapMs: 20,
  pauseMs: 10,
  longestPauseMs: 100,
};
/** A loaded machine answers late and is asked again; that is no fault, but it has to end. */
const WAIT_MS = 60_000;
const ALWAYS: readonly BoxArea[] = ['output', 'spawn', 'stdin', 'attach', 'files'];
const SOAK = process.env.BOXYARD_SOAK === '1';

function subjectOver(faults: WireFaults, wrap: (box: Box) => Box): BoxSubject {
  const memory = new MemoryMachine();
  const served = servedMachine(wrap(new MemoryBox(memory)), {}, { faults });
  const box = served.open(IMPATIENT);
  return {
    box,
    reopen: async () => served.open(IMPATIENT),
    freeze: async () => memory.freeze(),
    thaw: async () => memory.thaw(),
    leftovers: async () => memory.leftovers(),
    dispose: async () => {
      await box.close();
      await served.server.close();
      await served.box.close();
    },
  };
}

function describeFaults(name: string, faults: WireFaults, wrap: (box: Box) => Box = (box) => box): void {
  const cases = BOX_CASES.filter(
    ({ area, facts = [] }) =>
      (SOAK || ALWAYS.includes(area)) && !facts.includes('kernel') && !facts.includes('killHost'),
  );
  describe(name, () => {
    let shared: BoxSubject;
    beforeAll(() => {
      shared = subjectOver(faults, wrap);
    });
    afterAll(() => shared.dispose?.());

    for (const one of cases) {
      test(
        `${one.title} (${one.id})`,
        async () => {
          const subject = one.ownBox === true ? subjectOver(faults, wrap) : shared;
          try {
            await runBoxCase(one, subject, { waitMs: WAIT_MS });
          } finally {
            if (subject !== shared) await subject.dispose?.();
          }
        },
        WAIT_MS * 2,
      );
    }

    test('nothing is left behind', { timeout: WAIT_MS * 2 }, async () => {
      await expect.poll(() => shared.leftovers?.(), { timeout: WAIT_MS }).toEqual([]);
    });
  });
}

describeFaults('over a wire that loses, repeats and reorders', {
  seed: 7,
  drop: 0.02,
  duplicate: 0.05,
  delay: 0.2,
  maxDelayMs: 15,
});

describeFaults(
  'with a box behind it that is slow and disordered',
  { seed: 11, duplicate: 0.02, delay: 0.1, maxDelayMs: 10 },
  (box) => {
    const faults = [{ kind: 'delay', delayMs: 5 }] as const;
    return new ChaosBox(box, { random: { seed: 3, probability: 0.1, faults } });
  },
);
