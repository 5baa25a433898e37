/** Why a stream through the relay did not come about, or ended before it was closed. */
export type RelayErrorCode =
  | 'unauthenticated'
  | 'not-allowed'
  | 'replaced'
  | 'fenced'
  | 'unreachable'
  | 'nobody-came'
  | 'rate-limited'
  | 'aborted'
  | 'closed';

/** A stream that failed; the message says what to do. It never holds a token. */
export class RelayError extends Error {
  override readonly name = 'RelayError';
  readonly code: RelayErrorCode;

  constructor(code: RelayErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
