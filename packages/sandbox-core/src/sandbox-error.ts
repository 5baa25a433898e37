/**
 * The closed set of what can go wrong between a caller and a box.
 *
 * - `gone`: the box itself does not exist any more, proven by its provider.
 * - `unreachable`: no answer, and nothing is known about the box.
 * - `fenced`: the caller's epoch is older than the box's.
 * - `outcome-unknown`: it may or may not have happened; never replayed.
 * - `cancelled` / `timeout`: the caller's signal or deadline ended the wait.
 * - `closed`: the handle was closed by its own user.
 * - `over-budget`: what the workspace may use is used up; nothing helps but more of it, or time.
 */
export const SANDBOX_ERROR_CODES = [
  'gone',
  'unreachable',
  'fenced',
  'unsupported',
  'denied',
  'invalid',
  'not-found',
  'conflict',
  'precondition-failed',
  'too-large',
  'quota',
  'over-budget',
  'timeout',
  'cancelled',
  'closed',
  'outcome-unknown',
  'configuration',
] as const;

export type SandboxErrorCode = (typeof SANDBOX_ERROR_CODES)[number];

/** Whether the work had begun when the error came: only `no` may be repeated without asking. */
export type Started = 'no' | 'yes' | 'unknown';

export interface SandboxErrorOptions {
  readonly retryable?: boolean;
  readonly stage?: string;
  readonly started?: Started;
  readonly cause?: unknown;
}

// A registered symbol, so that two copies of this package recognise each other's errors.
const BRAND = Symbol.for('@boxyard/sandbox-core/SandboxError');

/** The one error family. Its message begins with what failed and ends with what to do. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError';
  readonly code: SandboxErrorCode;
  /** True when the same call may succeed later without a change on the caller's side. */
  readonly retryable: boolean;
  /** The step that failed, for instance `exec.start` or `files.write`; empty when there is only one. */
  readonly stage: string;
  readonly started: Started;

  constructor(code: SandboxErrorCode, message: string, options: SandboxErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? code === 'unreachable';
    this.stage = options.stage ?? '';
    this.started = options.started ?? 'unknown';
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Works across copies of this package, where `instanceof` does not. */
  static isInstance(value: unknown): value is SandboxError {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
  }

  /** True for a SandboxError with this code. */
  static hasCode(value: unknown, code: SandboxErrorCode): value is SandboxError {
    return SandboxError.isInstance(value) && value.code === code;
  }
}
