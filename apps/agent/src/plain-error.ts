/** Something that a person can act on: shown as one line, without a stack. */
export class PlainError extends Error {
  override readonly name = 'PlainError';
  /** What the process ends with. */
  readonly exitCode: number;

  constructor(message: string, options: { readonly exitCode?: number; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The machine was revoked or was never enrolled: starting again changes nothing. Service units know this number. */
export const EXIT_NOT_ENROLLED = 3;
