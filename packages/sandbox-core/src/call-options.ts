/** Bytes as they are; text is decoded at the edge that knows its encoding. */
export type Bytes = Uint8Array<ArrayBuffer>;

/**
 * How long the caller waits. Says nothing about the command: a deadline ends the wait with an error of code
 * `timeout`, an aborted signal with `cancelled`. How long a command may run is `runLimitMs` of its request.
 */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds from the start of the call. Every call has a default; see `DEFAULT_DEADLINE_MS`. */
  readonly deadlineMs?: number | undefined;
}

/** What a call waits when nothing else is said: long enough for a slow cloud, short enough to notice a hang. */
export const DEFAULT_DEADLINE_MS = 60_000;
