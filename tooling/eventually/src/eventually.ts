import { setTimeout as delay } from 'node:timers/promises';

type Nothing = null | undefined | false | 0 | '';

export interface EventuallyOptions {
  /** How long a slow machine may take; 30 s when absent. */
  readonly withinMs?: number;
  /** The pause between two looks; 20 ms when absent. */
  readonly everyMs?: number;
  /** Looks again after a look that throws: for what is being killed meanwhile. Otherwise its error ends the wait. */
  readonly throughErrors?: boolean;
}

/**
 * Looks until there is something to see, and answers that. A test that waits for a time instead fails on a slow
 * machine, and wastes it on a quick one.
 *
 * @param what Names it in the error, for instance `the turn has ended`.
 * @throws Error when it was not seen in time; its cause is what the last look threw.
 */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  { withinMs = 30_000, everyMs = 20, throughErrors = false }: EventuallyOptions = {},
): Promise<Exclude<T, Nothing>> {
  let cause: unknown;
  for (const endsAt = performance.now() + withinMs; ; await delay(everyMs)) {
    try {
      const seen = await look();
      if (seen) return seen as Exclude<T, Nothing>;
      cause = undefined;
    } catch (error) {
      if (!throughErrors) throw error;
      cause = error;
    }
    if (performance.now() > endsAt)
      throw new Error(`Not seen within ${withinMs / 1000} s: ${what}.`, { cause });
  }
}
