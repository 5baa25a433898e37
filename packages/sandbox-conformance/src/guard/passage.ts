import type { CallOptions } from '@boxyard/sandbox-core';

/** What every call of a guarded box goes through. */
export interface Passage {
  /** Makes the call, sooner, later or not at all, for as long as its caller waits. */
  call<T>(name: string, options: CallOptions | undefined, run: () => Promise<T>): Promise<T>;
  /** Hands the items of `source` on. */
  items<T>(name: string, signal: AbortSignal | undefined, source: AsyncIterable<T>): AsyncIterable<T>;
}
