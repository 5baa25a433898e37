import type { Problem, ProblemCode } from './generated/schemas.ts';

/** Whether the work had begun: only `no` may be repeated without asking. */
export type Started = NonNullable<Problem['started']>;

export interface BoxyardErrorOptions {
  /** Null when there was no answer. */
  readonly status?: number | null;
  readonly retryable?: boolean;
  readonly started?: Started;
  readonly requestId?: string | null;
  readonly stage?: string | null;
  readonly errors?: Problem['errors'];
  /** From `Retry-After`. */
  readonly retryAfterMs?: number | null;
  readonly attempts?: number;
  readonly cause?: unknown;
}

// A registered symbol, so that two copies of this package recognise each other's errors.
const BRAND = Symbol.for('@boxyard/client/BoxyardError');

/**
 * Everything that a call can fail with: a refusal of the server in its own words, or what happened on the way.
 * Its message begins with what failed and ends with what to do.
 */
export class BoxyardError extends Error {
  override readonly name = 'BoxyardError';
  readonly code: ProblemCode;
  /** The HTTP status; null when there was no answer. */
  readonly status: number | null;
  /** True when the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** Whether the work had begun. After `unknown` look at what is there before doing it again. */
  readonly started: Started;
  /** What to name in a report; the server's log has it too. */
  readonly requestId: string | null;
  /** The step that failed, where there is more than one. */
  readonly stage: string | null;
  /** For `invalid`: each wrong member of the request by its path. */
  readonly errors: NonNullable<Problem['errors']>;
  /** How long the server asks to wait before the next try. */
  readonly retryAfterMs: number | null;
  /** How often the request was sent. */
  readonly attempts: number;

  constructor(code: ProblemCode, detail: string, options: BoxyardErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? null;
    this.retryable = options.retryable ?? false;
    this.started = options.started ?? 'unknown';
    this.requestId = options.requestId ?? null;
    this.stage = options.stage ?? null;
    this.errors = options.errors ?? [];
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.attempts = options.attempts ?? 1;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** What failed and what to do, as the server said it. */
  get detail(): string {
    return this.message;
  }

  /** Works across copies of this package, where `instanceof` does not. */
  static isInstance(value: unknown): value is BoxyardError {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
  }

  /** True for a BoxyardError with this code. */
  static hasCode(value: unknown, code: ProblemCode): value is BoxyardError {
    return BoxyardError.isInstance(value) && value.code === code;
  }
}
