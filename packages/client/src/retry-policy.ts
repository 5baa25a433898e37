/** When a request is sent again, and after how long. */
import type { BoxyardError } from './boxyard-error.ts';
import type { Route } from './route.ts';

/** How often one call may be sent before its error is told. */
export const DEFAULT_MAX_ATTEMPTS = 4;

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 10_000;

/**
 * Only what cannot do harm is repeated: what surely did not begin, and what does the same done twice as done once.
 * An outcome that is not known is never repeated, whatever else is said of it.
 */
export function mayRepeat(route: Route, failure: BoxyardError): boolean {
  if (failure.code === 'outcome-unknown' || failure.code === 'cancelled') return false;
  if (!failure.retryable) return false;
  return failure.started === 'no' || route.repeatable !== 'never';
}

/**
 * Full jitter: anything up to a bound that doubles, so that many clients do not come back together. What the
 * server asks for comes on top.
 */
export function retryDelayMs(attempt: number, retryAfterMs: number | null, random = Math.random): number {
  const bound = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return (retryAfterMs ?? 0) + random() * bound;
}
