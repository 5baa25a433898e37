import { z } from 'zod';

/** Answer of `/healthz`: the process runs and answers. */
export const Health = z.object({ status: z.literal('ok') });
export type Health = z.infer<typeof Health>;

/** Answer of `/readyz`: 200 only when `status` is `ready`. */
export const Readiness = z.object({
  status: z.enum(['ready', 'not-ready', 'draining']),
  /** Each part the server stands on: `ok`, or what is wrong with it. */
  checks: z.record(z.string(), z.string()),
  /** Size of the data folder; null while it is not known. */
  dataSizeBytes: z.int().nonnegative().nullable(),
});
export type Readiness = z.infer<typeof Readiness>;
