// A suite that passes everything shows nothing: each of these boxes has one thing wrong and must fail its case.
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { BOX_CASES, type BoxCase, MemoryBox, MemoryMachine, runBoxCase } from '../src/index.ts';
import type { BrokenBox } from './broken-boxes/broken-box.ts';
import { BROKEN_ARCHIVES, BROKEN_WATCH } from './broken-boxes/broken-capabilities.ts';
import {
  BROKEN_EXEC,
  BROKEN_KILL,
  BROKEN_OUTPUT,
  BROKEN_SPAWN,
  BROKEN_STDIN,
} from './broken-boxes/broken-commands.ts';
import { BROKEN_CONFINEMENT, BROKEN_FILES } from './broken-boxes/broken-files.ts';
import { BROKEN_ATTACH, BROKEN_CANCEL, BROKEN_CLOSE, BROKEN_DEADLINE } from './broken-boxes/broken-waits.ts';

const BROKEN_BOXES: readonly BrokenBox[] = [
  ...BROKEN_EXEC,
  ...BROKEN_OUTPUT,
  ...BROKEN_SPAWN,
  ...BROKEN_STDIN,
  ...BROKEN_KILL,
  ...BROKEN_ATTACH,
  ...BROKEN_DEADLINE,
  ...BROKEN_CANCEL,
  ...BROKEN_FILES,
  ...BROKEN_CONFINEMENT,
  ...BROKEN_WATCH,
  ...BROKEN_ARCHIVES,
  ...BROKEN_CLOSE,
];

// These do little but wait for a clock to run out, so they run only against the box that they have to find.
const WAITING = new Set(['exec.run-limit', 'spawn.run-limit', 'deadline.exec']);

// What a MemoryBox has no kernel for is not run; what it lacks as a capability would only be seen lacking.
const runs = (one: BoxCase) =>
  one.facts?.includes('kernel') !== true && !['terminal', 'ports'].includes(one.needs ?? '');

/** Ids of the cases of the area that the broken box fails. */
async function failing(broken: BrokenBox): Promise<readonly string[]> {
  const target = BOX_CASES.find((one) => one.id === broken.breaks);
  assert.ok(target, `${broken.breaks} is no case`);
  const open = () => {
    const machine = new MemoryMachine();
    return {
      box: broken.wrap(new MemoryBox(machine), machine),
      reopen: async () => new MemoryBox(machine),
      freeze: async () => machine.freeze(),
      thaw: async () => machine.thaw(),
      killHost: async () => machine.destroy(),
      dispose: async () => machine.destroy(),
    };
  };
  const casesOfArea = BOX_CASES.filter(
    (each) => each.area === target.area && runs(each) && (each === target || !WAITING.has(each.id)),
  );
  const shared = open();
  const failed: string[] = [];
  for (const one of casesOfArea) {
    const subject = one.ownBox === true ? open() : shared;
    const waitMs = one === target ? broken.waitMs : undefined;
    await runBoxCase(one, subject, { waitMs }).catch(() => failed.push(one.id));
    if (subject !== shared) await subject.dispose();
  }
  await shared.dispose();
  return failed;
}

describe.concurrent('the suite bites', () => {
  for (const broken of BROKEN_BOXES) {
    test(`when ${broken.wrong}, ${broken.breaks} fails and nothing else of its area`, async () => {
      assert.deepEqual(await failing(broken), [broken.breaks]);
    });
  }
});
