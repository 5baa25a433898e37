import type { BoxyardSession, SessionEvent } from '@boxyard/client';

export type ApprovalRequested = Extract<SessionEvent, { type: 'approval.requested' }>['payload'];

/** Decides one call: true = approve, null = nobody can say, or somebody else was faster. */
export type Decide = (approval: ApprovalRequested, signal: AbortSignal) => Promise<boolean | null>;

export interface ApprovalDeskOptions {
  readonly session: BoxyardSession;
  readonly decide: Decide;
  /** A call stays undecided because nobody here decides: its turn waits on. */
  readonly onUndecided: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** Brings calls that wait before a person, one at a time, and takes a question back that was answered elsewhere. */
export class ApprovalDesk {
  readonly #options: ApprovalDeskOptions;
  readonly #waiting = new Map<string, ApprovalRequested>();
  #asked: { readonly approvalId: string; readonly takeBack: AbortController } | null = null;

  constructor(options: ApprovalDeskOptions) {
    this.#options = options;
  }

  requested(approval: ApprovalRequested): void {
    this.#waiting.set(approval.approvalId, approval);
  }

  resolved(approvalId: string): void {
    this.#waiting.delete(approvalId);
    if (this.#asked?.approvalId === approvalId) this.#asked.takeBack.abort();
  }

  /** Its turn is over: nothing waits any more. */
  close(): void {
    this.#waiting.clear();
    this.#asked?.takeBack.abort();
  }

  /** Begins to ask where something waits and nothing is being asked. Everything that was told so far must be known. */
  ask(): void {
    const next = this.#waiting.values().next();
    if (this.#asked !== null || next.done) return;
    this.#asked = { approvalId: next.value.approvalId, takeBack: new AbortController() };
    const { signal } = this.#asked.takeBack;
    this.#decideOne(next.value, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#options.onFailure(error);
      })
      .finally(() => {
        this.#asked = null;
        this.ask();
      });
  }

  async #decideOne(approval: ApprovalRequested, signal: AbortSignal): Promise<void> {
    const { session, decide, onUndecided } = this.#options;
    const approves = await decide(approval, signal);
    this.#waiting.delete(approval.approvalId);
    if (signal.aborted) return;
    if (approves === null) return onUndecided();
    await session.api.turns.decide(approval.approvalId, { decision: approves ? 'approve' : 'reject' });
  }
}
