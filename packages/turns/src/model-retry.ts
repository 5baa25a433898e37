// Whether a question that got no whole answer is asked again, and when. Nothing came of it: what an answer asks for
// is begun only once the whole of it is in the journal.
import { z } from 'zod';

/** How hard the model is tried. */
export interface ModelPatience {
  /** Of one question, the first one included. */
  readonly tries: number;
  /** Before the second try; doubles each time. */
  readonly firstWaitMs: number;
  /** An endpoint that asks for a longer wait than this is not waited for. */
  readonly longestWaitMs: number;
  /** An answer of which nothing comes for this long has broken off. */
  readonly silenceMs: number;
}

const Refusal = z.object({
  status: z.number().optional().catch(undefined),
  code: z.string().nullish().catch(null),
  headers: z.unknown(),
});

/** They say that the same question may be answered later. */
const LATER = new Set([408, 409, 425, 429]);
/** It comes with 429, and no waiting helps. */
const NO_MONEY = 'insufficient_quota';

/**
 * Milliseconds until the next try; null when there is none.
 *
 * @param tried How often the question was asked so far.
 */
export function waitBeforeNextTry(error: unknown, tried: number, patience: ModelPatience): number | null {
  if (tried >= patience.tries) return null;
  const { status, code, headers } = Refusal.catch({ headers: null }).parse(error);
  if (code === NO_MONEY) return null;
  // Without a status it is the line that failed, or the answer broke off.
  if (status !== undefined && status < 500 && !LATER.has(status)) return null;
  const asked = retryAfterMs(headers);
  if (asked !== null) return asked <= patience.longestWaitMs ? asked : null;
  const wait = Math.min(patience.firstWaitMs * 2 ** (tried - 1), patience.longestWaitMs);
  // Workers that were refused together do not come back together.
  return wait * (0.75 + Math.random() / 2);
}

function retryAfterMs(headers: unknown): number | null {
  if (!(headers instanceof Headers)) return null;
  const text = headers.get('retry-after');
  if (text === null) return null;
  const seconds = Number(text);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}
