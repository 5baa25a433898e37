import type { ModelMutant } from './model-mutants.ts';
import { runModel } from './run-model.ts';

/** What the search came to. `caughtBy` is null when no seed brought it out. */
export interface MutantSearch {
  readonly seeds: number;
  readonly caughtBy: { readonly seed: number; readonly violation: string } | null;
}

const SIZE = { steps: 600, processes: 4, reapers: 3 } as const;

/** Plays the model by one seed after the other until its judges see that something is wrong. */
export async function searchMutant(
  mutant: ModelMutant,
  firstSeed: number,
  maxSeeds: number,
): Promise<MutantSearch> {
  for (let seeds = 1; seeds <= maxSeeds; seeds += 1) {
    const seed = firstSeed + seeds - 1;
    const { violations } = await runModel({ seed, ...SIZE, mutant });
    if (violations[0] !== undefined) return { seeds, caughtBy: { seed, violation: violations[0] } };
  }
  return { seeds: maxSeeds, caughtBy: null };
}
