import type { ProblemCode } from '@boxyard/contracts';
import type { FailureYard } from './failure-yard.ts';

export interface GoldenFault {
  /** The first cell of its row in docs/failures.md. */
  readonly fault: string;
  readonly status: number;
  readonly code: ProblemCode;
  /** The step that failed; null when there is only one. */
  readonly stage: string | null;
  readonly retryable: boolean;
  readonly started: 'no' | 'yes' | 'unknown';
  /** How the detail ends: what to do. */
  readonly remedy: string | RegExp;
  /** Makes it happen on real servers; or, for what needs a broken machine or provider, what is thrown then. */
  readonly provoke: ((yard: FailureYard) => Promise<Response>) | { readonly thrown: () => Error };
}

export const sessions = '/v1/workspaces/default/sessions';
