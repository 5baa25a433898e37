import { SandboxError, type SandboxErrorCode } from '@boxyard/sandbox-core';

/**
 * An error as the SDK knows them: it judges by `code` and never by class, so that ours need not be its own.
 * The box's own error is the `cause`.
 */
export class AgentsSessionError extends Error {
  override readonly name = 'AgentsSessionError';
  /** One of the SDK's codes, or of Node's for files (`ENOENT`, `EEXIST`, `EISDIR`, `ENOTDIR`). */
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;

  constructor(
    code: string,
    message: string,
    options: {
      readonly cause?: unknown;
      readonly retryable?: boolean;
      readonly details?: Readonly<Record<string, unknown>>;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    this.retryable = options.retryable ?? false;
  }
}

const SDK_CODES: Readonly<Record<SandboxErrorCode, string>> = {
  gone: 'exec_transport_error',
  unreachable: 'exec_transport_error',
  fenced: 'exec_transport_error',
  'outcome-unknown': 'exec_transport_error',
  unsupported: 'unsupported_feature',
  denied: 'path_resolution_error',
  invalid: 'EINVAL',
  'not-found': 'ENOENT',
  conflict: 'EEXIST',
  'precondition-failed': 'EEXIST',
  'too-large': 'EFBIG',
  quota: 'ENOSPC',
  'over-budget': 'lifecycle_error',
  timeout: 'exec_timeout',
  cancelled: 'lifecycle_error',
  closed: 'lifecycle_error',
  configuration: 'configuration_error',
};

/** `codes` says what a code of the box means in this place, where that is more than it says everywhere. */
export function sessionErrorFrom(
  error: unknown,
  codes: Readonly<Partial<Record<SandboxErrorCode, string>>> = {},
): Error {
  if (!SandboxError.isInstance(error)) return error instanceof Error ? error : new Error(String(error));
  return new AgentsSessionError(codes[error.code] ?? SDK_CODES[error.code], error.message, {
    cause: error,
    retryable: error.retryable,
    details: { boxCode: error.code, stage: error.stage, started: error.started },
  });
}

/** What a box of ours said, when that is why a session failed. */
export function boxErrorOf(error: unknown): SandboxError | null {
  if (SandboxError.isInstance(error)) return error;
  return error instanceof Error && SandboxError.isInstance(error.cause) ? error.cause : null;
}

export function unsupported(message: string): AgentsSessionError {
  return new AgentsSessionError('unsupported_feature', message);
}

/** A box has one user: who asks for another must not silently get this one. */
export function refuseRunAs(runAs: string | undefined): void {
  if (runAs === undefined) return;
  throw unsupported(
    `Running as ${JSON.stringify(runAs)} is refused: a box has one user. Leave runAs out, or use sudo in the command.`,
  );
}

export function closedSession(): AgentsSessionError {
  return new AgentsSessionError(
    'lifecycle_error',
    'The session is closed; make another one of the box with toAgentsSession.',
    { cause: new SandboxError('closed', 'The session is closed.', { started: 'no' }) },
  );
}
