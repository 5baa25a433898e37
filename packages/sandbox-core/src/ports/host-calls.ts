import type { CallOptions } from '../call-options.ts';

/**
 * Calls between server processes that know no addresses of each other. Requests and answers are JSON values of up to
 * a few megabytes; an error of the callee reaches the caller as the `SandboxError` that it was.
 */
export interface HostCalls {
  /** Takes part under an id of one's own; `answer` is asked by the others, several at a time. */
  join(hostId: string, answer: (request: unknown) => Promise<unknown>): JoinedHost;
}

export interface JoinedHost extends AsyncDisposable {
  /**
   * @throws SandboxError what the callee throws; `unreachable` (started `no`) when it did not take the call within
   * the deadline, `outcome-unknown` when it took it and did not answer, `cancelled` by the signal.
   */
  call(
    hostId: string,
    request: unknown,
    options: CallOptions & { readonly deadlineMs: number },
  ): Promise<unknown>;
}
