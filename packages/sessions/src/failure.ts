/** What was thrown, in the words that callers and events are told. */
import type { ProblemCode } from '@boxyard/contracts';
import { SandboxError, type SandboxErrorCode } from '@boxyard/sandbox-core';
import { BOX_OPEN_STAGE } from './open-in-time.ts';

export interface Failure {
  readonly code: ProblemCode;
  /** Where it failed; empty when that says nothing. */
  readonly stage: string;
  readonly detail: string;
}

/** `gone` and `closed` are states of one handle; to a caller they mean that the box is being replaced. */
const CODE_OF: Record<SandboxErrorCode, ProblemCode> = {
  gone: 'not-ready',
  closed: 'not-ready',
  unreachable: 'unreachable',
  fenced: 'fenced',
  unsupported: 'unsupported',
  denied: 'denied',
  invalid: 'invalid',
  'not-found': 'not-found',
  conflict: 'conflict',
  'precondition-failed': 'precondition-failed',
  'too-large': 'too-large',
  quota: 'quota',
  'over-budget': 'over-budget',
  timeout: 'timeout',
  cancelled: 'cancelled',
  'outcome-unknown': 'outcome-unknown',
  configuration: 'configuration',
};

/** An error that nobody foresaw is `internal`, and its own words stay in the log. */
export function failureOf(error: unknown): Failure {
  if (!SandboxError.isInstance(error))
    return { code: 'internal', stage: '', detail: 'Something failed that should not. Look at the log.' };
  const late = error.code === 'timeout' && error.stage === BOX_OPEN_STAGE;
  return { code: late ? 'not-ready' : CODE_OF[error.code], stage: error.stage ?? '', detail: error.message };
}
