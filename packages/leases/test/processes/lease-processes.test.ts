import { expect, test } from 'vitest';
import { MODEL_MUTANTS } from './model-mutants.ts';
import { searchMutant } from './mutant-search.ts';
import { runModel } from './run-model.ts';

const seed = Number(process.env.BOXYARD_TEST_SEED ?? Date.now() % 2 ** 31);
// CI runs it small; `pnpm test:soak` at the size that requirement R8 names.
const scale = Number(process.env.BOXYARD_TEST_SCALE ?? 1);

test('leases keep what they promise while their processes are killed, frozen and lied to', {
  timeout: scale * 300_000,
}, async () => {
  console.log(`lease processes: seed ${seed} (BOXYARD_TEST_SEED repeats its plan)`);
  const processes = scale > 1 ? 10 : 4;
  const size = { steps: 1_000 * scale, processes, reapers: 3 };
  const report = await runModel({ seed, ...size });
  const { violations, ...done } = report;
  console.log(`lease processes: ${JSON.stringify(done)}`);
  expect(violations).toEqual([]);
  expect(report.confirmedWrites).toBeGreaterThan(0);
  expect(report.boxesMade).toBeGreaterThan(0);
  expect(report.deaths).toBeGreaterThan(0);
});

// Each has its directed test too (mutants.test.ts), which CI runs; that chance finds them is a matter of many runs.
if (scale > 1) {
  test.each(MODEL_MUTANTS)('chance finds it when %s', { timeout: 3_600_000 }, async (mutant) => {
    const found = await searchMutant(mutant, seed, 2 * scale);
    console.log(`lease mutants: ${mutant}: ${JSON.stringify(found)}`);
    expect(found.caughtBy).not.toBeNull();
  });
}
