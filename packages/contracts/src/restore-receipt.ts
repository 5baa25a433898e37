import { z } from 'zod';
import { Timestamp } from './timestamp.ts';

/** How faithful the workspace of a restored box is. */
export const RestoreReceipt = z.discriminatedUnion('kind', [
  /** Everything is there as it was last known. */
  z.object({ kind: z.literal('EXACT') }),
  /** Whole, but as of `from`: what changed between then and `to`, when the old box was last known, is lost. */
  z.object({ kind: z.literal('STALE'), from: Timestamp, to: Timestamp }),
  /** Paths that the archive should have held and did not; `everything` when there was nothing to restore. */
  z.object({
    kind: z.literal('INCOMPLETE'),
    missing: z.union([z.literal('everything'), z.array(z.string())]),
  }),
]);
export type RestoreReceipt = z.infer<typeof RestoreReceipt>;
