// What a route adds to calls is the same over every box; over a real one run the cases that no MemoryBox has, and
// those of handles that outlive their call.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localProvider } from '@boxyard/providers-local';
import { BOX_CASES, type BoxSubject, runBoxCase } from '@boxyard/sandbox-conformance';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { routedSubject } from './subject.ts';

const AREAS = ['attach', 'terminal', 'ports', 'close'];
const waitMs = 30_000;

async function openSubject(): Promise<BoxSubject> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-routed-'));
  const provider = localProvider({ dataDir });
  const box = await provider.create({
    tag: { deployment: 'conformance', group: 'box', epoch: 1 },
    environment: {},
  });
  return routedSubject({
    box,
    reopen: () => provider.resume(box.ref, { epoch: 1, environment: {} }),
    killHost: () => provider.destroy(box.ref),
    dispose: async () => {
      await box.close();
      await provider.destroy(box.ref);
      await rm(dataDir, { recursive: true, force: true });
    },
  });
}

describe('RoutedBox over a local box', () => {
  const cases = BOX_CASES.filter(
    ({ area, facts = [] }) =>
      AREAS.includes(area) && !facts.includes('freeze') && !facts.includes('leftovers'),
  );

  test.each(AREAS)('%s has cases', (area) => {
    expect(cases.filter((one) => one.area === area)).not.toEqual([]);
  });

  let shared: BoxSubject;
  beforeAll(async () => {
    shared = await openSubject();
  });
  afterAll(() => end(shared));

  test.each(cases)('$title ($id)', { timeout: 4 * waitMs }, async (one) => {
    if (one.ownBox !== true) return runBoxCase(one, shared, { waitMs });
    const own = await openSubject();
    try {
      await runBoxCase(one, own, { waitMs });
    } finally {
      await end(own);
    }
  });
});

async function end(subject: BoxSubject): Promise<void> {
  await subject.box.close();
  await subject.dispose?.();
}
