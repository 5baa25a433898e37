import { z } from 'zod';

/** A box's state as clients see it; what happens inside (`replacing`, `terminating`) shows as one of these. */
export const Liveness = z.enum(['cold', 'warming', 'warm', 'draining']);
export type Liveness = z.infer<typeof Liveness>;
