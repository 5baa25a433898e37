import type { EventuallyOptions } from '@tooling/eventually';

/** How to wait for what may be killed while it is asked. */
export const THROUGH_KILLS: EventuallyOptions = { withinMs: 60_000, everyMs: 100, throughErrors: true };
