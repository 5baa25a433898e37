/** The one way from whatever was thrown to the one error body. */
import { PROBLEM_STATUS, type Problem, type ProblemCode } from '@boxyard/contracts';
import { SandboxError, type Started } from '@boxyard/sandbox-core';
import { failureOf } from '@boxyard/sessions';

interface ApiErrorOptions {
  readonly retryable?: boolean;
  readonly errors?: Problem['errors'];
  /** Sent as `Retry-After`; whole seconds. */
  readonly retryAfterSeconds?: number;
}

/** A refusal that the API itself decides; what a box or a service refuses is a SandboxError. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ProblemCode;
  readonly retryable: boolean;
  readonly errors: Problem['errors'];
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ProblemCode, message: string, options: ApiErrorOptions = {}) {
    super(message);
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

const TITLE: Record<ProblemCode, string> = {
  invalid: 'The request is not valid',
  unauthenticated: 'A valid key is needed',
  denied: 'Not allowed',
  'not-found': 'Not found',
  conflict: 'In conflict with what is there',
  fenced: 'The box has moved on',
  unsupported: 'Not supported by this box',
  'precondition-failed': 'Changed meanwhile',
  'too-large': 'Too large',
  range: 'No such range',
  'idempotency-mismatch': 'The idempotency key belongs to another request',
  'rate-limited': 'Too many requests',
  cancelled: 'Cancelled',
  internal: 'Internal error',
  configuration: 'The server is not configured for this',
  'outcome-unknown': 'The outcome is not known',
  'not-ready': 'Not ready yet',
  unreachable: 'The box does not answer',
  draining: 'The server is shutting down',
  timeout: 'Out of time',
  quota: 'Out of space',
  'over-budget': 'The budget of the workspace is used up',
};

const RETRY_LATER = new Set<ProblemCode>(['not-ready', 'unreachable', 'draining', 'rate-limited']);
const RETRY_AFTER_SECONDS = 2;

export interface ProblemAnswer {
  readonly problem: Problem;
  readonly retryAfterSeconds: number | undefined;
  /** True when nobody but us is to blame: worth a log line with its stack. */
  readonly unexpected: boolean;
}

export function problemOf(error: unknown, requestId: string): ProblemAnswer {
  if (error instanceof ApiError) {
    return answer(error.code, error.message, requestId, {
      retryable: error.retryable || RETRY_LATER.has(error.code),
      // What the API itself refuses it refuses before the work.
      started: 'no',
      errors: error.errors,
      retryAfterSeconds: error.retryAfterSeconds,
    });
  }
  if (SandboxError.isInstance(error)) {
    const { code, detail } = failureOf(error);
    return answer(code, detail, requestId, {
      retryable: error.retryable || RETRY_LATER.has(code),
      stage: error.stage,
      started: error.started,
    });
  }
  return {
    ...answer(
      'internal',
      `Something failed that should not. Report it with the request id ${requestId}.`,
      requestId,
      {
        retryable: false,
        started: 'unknown',
      },
    ),
    unexpected: true,
  };
}

interface Details {
  readonly retryable: boolean;
  readonly stage?: string;
  readonly started?: Started;
  readonly errors?: Problem['errors'];
  readonly retryAfterSeconds?: number | undefined;
}

function answer(code: ProblemCode, detail: string, requestId: string, details: Details): ProblemAnswer {
  return {
    problem: {
      type: 'about:blank',
      title: TITLE[code],
      status: PROBLEM_STATUS[code],
      detail,
      code,
      retryable: details.retryable,
      requestId,
      ...(details.stage ? { stage: details.stage } : {}),
      ...(details.started ? { started: details.started } : {}),
      ...(details.errors ? { errors: details.errors } : {}),
    },
    retryAfterSeconds: details.retryAfterSeconds ?? (RETRY_LATER.has(code) ? RETRY_AFTER_SECONDS : undefined),
    unexpected: code === 'internal',
  };
}
