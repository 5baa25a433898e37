// What routes need of the fleet where there are no machines too: without what speaks to them, which takes long to load.
export { ENROLLMENT_RATE_LIMITS, type LimitedRoute, type RateLimit, TokenBuckets } from './rate-limits.ts';
export { RefusedCredential } from './refused-credential.ts';
