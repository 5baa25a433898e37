import { z } from 'zod';
import { Id } from './identifiers.ts';

/**
 * `orphan`: of this deployment, and no lease has its group and epoch; the only ones that are destroyed. `named`: a
 * lease names it or is just making it. `condemned`: on its way out already. `home`: parked, and its group has no other
 * box. `ahead`: of a later epoch than the record knows, so the record was set back. `foreign`: of another deployment.
 * `untagged`: nothing says whose it is.
 */
export const SweepVerdict = z.enum(['orphan', 'named', 'condemned', 'home', 'ahead', 'foreign', 'untagged']);
export type SweepVerdict = z.infer<typeof SweepVerdict>;

/** Body of `POST /v1/sweep`. */
export const SweepRequest = z.strictObject({
  /** Judge only; destroy nothing. */
  dryRun: z.boolean().default(false),
});
export type SweepRequest = z.infer<typeof SweepRequest>;

/** Answer of `POST /v1/sweep`: every box that the providers list. */
export const SweepReport = z.object({
  deployment: z.string(),
  dryRun: z.boolean(),
  boxes: z.array(
    z.object({
      provider: z.string(),
      instance: z.string(),
      /** Null when the box carries no tag that could be read. */
      tag: z.object({ deployment: z.string(), sandboxGroupId: z.string(), leaseEpoch: z.int() }).nullable(),
      verdict: SweepVerdict,
      /** Why, for people. */
      reason: z.string(),
      /** `destroyed`; `condemned` when the provider refused for now, and it is tried again; `none` for all others. */
      action: z.enum(['none', 'would-destroy', 'destroyed', 'condemned']),
    }),
  ),
  /** Providers that cannot list their boxes: nothing is known of forgotten ones there. */
  unlistable: z.array(z.string()),
  /** Providers that did not answer: nothing of theirs was judged. */
  unreachable: z.array(z.object({ provider: z.string(), detail: z.string() })),
  /** Condemned boxes that wait for their next attempt. */
  condemned: z.array(
    z.object({
      provider: z.string(),
      instance: z.string(),
      sandboxGroupId: Id,
      reason: z.string(),
      attempts: z.int().nonnegative(),
    }),
  ),
});
export type SweepReport = z.infer<typeof SweepReport>;
