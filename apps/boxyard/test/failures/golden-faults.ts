/**
 * Every fault that the API can show, as whoever meets it sees it. What stands here is a promise: programs decide by
 * it whether to repeat, to ask, or to give up. docs/failures.md tells the same to people.
 */
import { FAILED_REQUESTS } from './failed-requests.ts';
import { REFUSED_REQUESTS } from './refused-requests.ts';

export const GOLDEN_FAULTS = [...REFUSED_REQUESTS, ...FAILED_REQUESTS];
