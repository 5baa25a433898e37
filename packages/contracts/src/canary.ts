import { z } from 'zod';
import { Backend } from './backend-descriptor.ts';
import { ProblemCode } from './problem.ts';
import { Timestamp } from './timestamp.ts';

/** How one backend passed its self test: a box was made, a marker command ran in it, the box went again. */
export const CanaryResult = z.object({
  backend: Backend,
  ok: z.boolean(),
  at: Timestamp,
  /** From the making of the box to the marker that came back. */
  durationMs: z.number().nonnegative(),
  /** Null when it passed. */
  failure: z.object({ code: ProblemCode, stage: z.string(), detail: z.string() }).nullable(),
});
export type CanaryResult = z.infer<typeof CanaryResult>;

/** Answer of `POST canary`. */
export const CanaryReport = z.object({
  /** True when every backend passed. */
  ok: z.boolean(),
  results: z.array(CanaryResult),
});
export type CanaryReport = z.infer<typeof CanaryReport>;
