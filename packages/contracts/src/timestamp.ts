import { z } from 'zod';

/** A moment in RFC 3339, always UTC (`Z`). */
export const Timestamp = z.iso.datetime();
export type Timestamp = z.infer<typeof Timestamp>;
