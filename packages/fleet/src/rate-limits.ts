// Whoever shows no key is held to a rate, by address: so that codes cannot be guessed and the record not be filled.

/** So many at once, and so many in each second after that. */
export interface RateLimit {
  readonly burst: number;
  readonly perSecond: number;
}

/** For each route of enrollment that needs no key. */
export const ENROLLMENT_RATE_LIMITS = {
  start: { burst: 10, perSecond: 0.5 },
  poll: { burst: 60, perSecond: 2 },
  lookup: { burst: 30, perSecond: 1 },
  exchange: { burst: 20, perSecond: 0.5 },
  // Each machine asks twice every few minutes; a hundred of them may stand behind one address.
  refresh: { burst: 200, perSecond: 4 },
} as const satisfies Record<string, RateLimit>;

export type LimitedRoute = keyof typeof ENROLLMENT_RATE_LIMITS;

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** Beyond this the ones that were not used for longest are forgotten: a full bucket is nobody's loss. */
const MAX_BUCKETS = 50_000;

/** One bucket for each name, in this process. */
export class TokenBuckets {
  readonly #limit: RateLimit;
  readonly #buckets = new Map<string, Bucket>();
  readonly #nowMs: () => number;

  constructor(limit: RateLimit, nowMs: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#nowMs = nowMs;
  }

  /** Null when it may pass, else how long to wait, in milliseconds. */
  take(name: string): number | null {
    const { burst, perSecond } = this.#limit;
    const nowMs = this.#nowMs();
    const bucket = this.#buckets.get(name) ?? { tokens: burst, filledAtMs: nowMs };
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.filledAtMs) / 1000) * perSecond);
    bucket.filledAtMs = nowMs;
    // Behind all others: the first of the map is the one that was not used for longest.
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    if (this.#buckets.size > MAX_BUCKETS) this.#buckets.delete(this.#buckets.keys().next().value!);
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) / perSecond) * 1000);
    bucket.tokens -= 1;
    return null;
  }

  /** What was taken last did not count after all. */
  giveBack(name: string): void {
    const bucket = this.#buckets.get(name);
    if (bucket !== undefined) bucket.tokens = Math.min(this.#limit.burst, bucket.tokens + 1);
  }
}
