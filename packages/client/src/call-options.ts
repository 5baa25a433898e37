/** How long the caller waits. Says nothing about what was started: a command goes on in its box. */
export interface CallOptions {
  /** Ends the call with a `BoxyardError` of code `cancelled`. A stream that is open ends with it too. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds for the whole call with all its repetitions; past it the call ends with code `timeout`. Of a
   * stream or a download: until it is open. `Infinity` waits for ever.
   */
  readonly deadlineMs?: number | undefined;
}
