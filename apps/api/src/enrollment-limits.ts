import { ENROLLMENT_RATE_LIMITS, type LimitedRoute, TokenBuckets } from '@boxyard/fleet/limits';
import { clientAddress } from './client-address.ts';
import type { ApiContext } from './define-route.ts';
import { ApiError } from './problem.ts';

/** @throws ApiError `rate-limited` for whoever asks too often. */
export type LimitRequest = (c: ApiContext, route: LimitedRoute) => void;

/** Counts the requests of enrollment that show no key, by route and address. */
export function createEnrollmentLimits(): LimitRequest {
  const buckets = new Map(
    Object.entries(ENROLLMENT_RATE_LIMITS).map(([route, limit]) => [route, new TokenBuckets(limit)]),
  );
  return (c, route) => {
    const waitMs = buckets.get(route)?.take(clientAddress(c)) ?? null;
    if (waitMs === null) return;
    throw new ApiError(
      'rate-limited',
      'Too many requests of this kind came from this address. Wait a little.',
      {
        retryable: true,
        retryAfterSeconds: Math.ceil(waitMs / 1000),
      },
    );
  };
}
