import { z } from 'zod';

/**
 * Every code a caller can meet, with its HTTP status. `gone` is missing on purpose: a box that is gone is
 * replaced or reported as something the caller can act on.
 */
export const PROBLEM_STATUS = {
  invalid: 400,
  unauthenticated: 401,
  'over-budget': 402,
  denied: 403,
  'not-found': 404,
  conflict: 409,
  fenced: 409,
  unsupported: 409,
  'precondition-failed': 412,
  'too-large': 413,
  range: 416,
  'idempotency-mismatch': 422,
  'rate-limited': 429,
  cancelled: 499,
  internal: 500,
  configuration: 500,
  'outcome-unknown': 502,
  'not-ready': 503,
  unreachable: 503,
  draining: 503,
  timeout: 504,
  quota: 507,
} as const;

const codes = Object.keys(PROBLEM_STATUS) as (keyof typeof PROBLEM_STATUS)[];

/** What went wrong, for programs. */
export const ProblemCode = z.enum(codes);
export type ProblemCode = z.infer<typeof ProblemCode>;

/** The one error body (RFC 9457, `application/problem+json`). Further members may come; ignore what is unknown. */
export const Problem = z.object({
  type: z.string().default('about:blank'),
  title: z.string(),
  status: z.int().min(400).max(599),
  /** Begins with what failed and ends with what to do. Never holds a secret. */
  detail: z.string(),
  code: ProblemCode,
  /** True when the same request may succeed later without a change. */
  retryable: z.boolean(),
  requestId: z.string(),
  /** The step that failed, where there is more than one. */
  stage: z.string().optional(),
  /** Whether the work had begun: only `no` may be repeated without asking. */
  started: z.enum(['no', 'yes', 'unknown']).optional(),
  /** For `invalid`: each wrong member of the request by its path. */
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof Problem>;
