import { z } from 'zod';

/**
 * Why a box was stopped: nothing kept it, it was up as long as it may be, somebody paused it, or the budget of its
 * workspace is used up.
 */
export const StopCause = z.enum(['idle', 'lifetime', 'pause', 'budget']);
export type StopCause = z.infer<typeof StopCause>;
