/** Bytes as they are; text is decoded at the edge that knows its encoding. */
export type Bytes = Uint8Array<ArrayBuffer>;

/**
 * For whom a change is made, and where its pointer stood when the way to this box was chosen. A box that keeps
 * fences remembers the highest epoch of each session and refuses a lower one as `fenced`, before anything starts.
 */
export interface SessionFence {
  /** 1–64 characters of `[A-Za-z0-9_-]`. */
  readonly sessionId: string;
  readonly activeEpoch: number;
}

/**
 * How long the caller waits. Says nothing about the command: a deadline ends the wait with an error of code
 * `timeout`, an aborted signal with `cancelled`. How long a command may run is `runLimitMs` of its request.
 */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds from the start of the call. Every call has a default; see `DEFAULT_DEADLINE_MS`. */
  readonly deadlineMs?: number | undefined;
  /** Looked at by what starts a command or a terminal or changes files; commands that run are not fenced. */
  readonly fence?: SessionFence | undefined;
}

/** What a call waits when nothing else is said: long enough for a slow cloud, short enough to notice a hang. */
export const DEFAULT_DEADLINE_MS = 60_000;
