import type { CallOptions } from '../call-options.ts';
import type { ActivePointer, SwapOutcome } from '../lease/swap-pointer.ts';
import type { NewEvent } from './event-log.ts';

export interface SwapRequest {
  readonly workspaceId: string;
  readonly sessionId: string;
  /** A group of the same workspace; null, or the session's own, for home. */
  readonly target: string | null;
  /** The swap is `fenced` unless the pointer is still at it; any will do when absent. */
  readonly expectedEpoch?: number | undefined;
  /** Of the target's box; stored with the event. */
  readonly leaseEpoch: number;
  /** The event that is stored with the swap, in one step. */
  readonly describe: (from: ActivePointer, to: ActivePointer) => NewEvent;
}

export interface PointerSwap {
  readonly outcome: SwapOutcome;
  /** What is active now; with `fenced` what it is in spite of us. */
  readonly pointer: ActivePointer;
  /** What was active before. */
  readonly from: ActivePointer;
}

/** Where sessions work. Every method throws `unreachable` when the record cannot be read or written. */
export interface PointerStore {
  /** Null for a session that is not there, or not in this workspace. */
  read(
    workspaceId: string,
    sessionId: string,
    options?: CallOptions,
  ): Promise<(ActivePointer & { readonly homeGroupId: string }) | null>;
  /**
   * The transition of `swapPointer`, committed with its event. From then on events of the target's group reach the
   * session and those of the group before do not.
   *
   * @throws SandboxError `not-found` for a session that is not there and for a group that is not in its workspace,
   * or that nobody uses any more and no swap waits for.
   */
  swap(request: SwapRequest, options?: CallOptions): Promise<PointerSwap>;
  /** Calls back soon after the session's pointer moved, by any process. Answers how to stop. */
  subscribe(sessionId: string, onMoved: () => void): () => void;
}
