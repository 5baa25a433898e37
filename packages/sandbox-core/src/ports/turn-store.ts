import type { NewEvent } from './event-log.ts';

/** `waiting` is for an approval; the last three are the end. */
export const TURN_STATUSES = ['queued', 'running', 'waiting', 'completed', 'failed', 'cancelled'] as const;
export type TurnStatus = (typeof TURN_STATUSES)[number];

export interface TurnError {
  readonly code: string;
  readonly message: string;
}

/** What one run of the agent may take. */
export interface TurnLimits {
  /** Questions to the model; null is the worker's own limit. */
  readonly maxModelCalls: number | null;
  /** From the first attempt on; null is the worker's own limit. */
  readonly timeBudgetMs: number | null;
}

export interface TurnUsage {
  readonly modelCalls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** One run of the agent. A session has at most one that has not ended. */
export interface TurnRecord {
  readonly id: string;
  readonly workspaceId: string;
  readonly sessionId: string;
  readonly status: TurnStatus;
  /** How often it was taken up, by whichever worker. 0 before the first time. */
  readonly attempt: number;
  readonly limits: TurnLimits;
  /** Names of the tools whose calls wait for a person. */
  readonly approvals: readonly string[];
  readonly cancelRequested: boolean;
  readonly error: TurnError | null;
  readonly usage: TurnUsage;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
}

/** What one worker holds while it runs a turn. Every write of the worker names it and is refused once it is over. */
export interface TurnAttempt {
  readonly turnId: string;
  readonly sessionId: string;
  readonly attempt: number;
}

export interface ClaimedTurn {
  readonly turn: TurnRecord;
  readonly attempt: TurnAttempt;
  /** Of the SDK, when the turn waited for approvals that are decided now. It is handed out once. */
  readonly runState: string | null;
  /** What former attempts took, without the time between them. */
  readonly workedMs: number;
}

/**
 * What happened in a turn, in order, as it is needed to go on from it: a person's message, a whole answer of the
 * model, a tool call that is about to begin, the result of one.
 */
export type JournalEntry =
  | { readonly kind: 'input'; readonly body: { readonly text: string } }
  | { readonly kind: 'response'; readonly body: Readonly<Record<string, unknown>> }
  | { readonly kind: 'call'; readonly callId: string; readonly body: Readonly<Record<string, unknown>> }
  | { readonly kind: 'result'; readonly callId: string; readonly body: Readonly<Record<string, unknown>> };

export type JournalRecord = JournalEntry & {
  readonly turnId: string;
  readonly attempt: number;
  /** Grows in the order of the session. */
  readonly seq: number;
};

export type ApprovalDecision = 'approved' | 'rejected';

/** A tool call that waits for a person. */
export interface ApprovalRecord {
  readonly id: string;
  readonly turnId: string;
  readonly callId: string;
  readonly tool: string;
  readonly arguments: string;
  /** Null while nobody has decided. */
  readonly decision: ApprovalDecision | null;
  /** Who decided. */
  readonly decidedBy: string | null;
}

export interface PostedMessage {
  readonly turnId: string;
  /** False when the message joined a turn that has not ended. */
  readonly isNewTurn: boolean;
}

/** What a worker learns with every beat. */
export interface AttemptSignals {
  readonly cancelRequested: boolean;
  /** Messages came that the turn has not been told yet. */
  readonly hasMessages: boolean;
}

/** Where turns are recorded. Writes of an attempt throw `fenced` once another one took the turn or it has ended. */
export interface TurnStore {
  /** The message joins the session's turn that has not ended, else it begins one with `turnId`. */
  post(message: {
    readonly workspaceId: string;
    readonly sessionId: string;
    readonly turnId: string;
    readonly messageId: string;
    readonly text: string;
    readonly limits: TurnLimits;
    readonly approvals: readonly string[];
    /** Tells of the message in the session's log. */
    readonly event: NewEvent;
  }): Promise<PostedMessage>;
  get(workspaceId: string, sessionId: string, turnId: string): Promise<TurnRecord | null>;
  /**
   * The oldest turns that became due: ids. Each is told to one caller and not again, so who does not claim it
   * leaves it to `requeue`.
   */
  takeDue(limit: number): Promise<readonly string[]>;
  /** Turns that nobody runs but somebody should become due again: of workers that died, and that nobody claimed. */
  requeue(ttlMs: number): Promise<void>;
  /** Null when somebody else runs it, or nobody has to. An attempt without a beat for `ttlMs` counts as dead. */
  claim(turnId: string, worker: string, ttlMs: number): Promise<ClaimedTurn | null>;
  beat(attempt: TurnAttempt): Promise<AttemptSignals>;
  /** New messages become entries of the journal and are answered; none twice. */
  takeMessages(attempt: TurnAttempt): Promise<readonly string[]>;
  /** Entries and, in the same step, events of the turn behind them; answers whether there are messages to take. */
  record(
    attempt: TurnAttempt,
    entries: readonly JournalEntry[],
    usage?: TurnUsage | null,
    events?: readonly NewEvent[],
  ): Promise<Pick<AttemptSignals, 'hasMessages'>>;
  /** Events of the turn, stored in this order and then published. */
  tell(attempt: TurnAttempt, events: readonly NewEvent[]): Promise<void>;
  /**
   * The number of the answer of the model that people were told of, but that broke off with the worker that asked for
   * it: of its text something is in the events, and nothing has taken it back. Null when there is none.
   */
  brokenAnswer(attempt: TurnAttempt): Promise<number | null>;
  /** Of all turns of the session, in order. */
  journal(sessionId: string): Promise<readonly JournalRecord[]>;
  /**
   * Ends the turn together with its one terminal event. Answers `more-messages`, and ends nothing, when a turn that
   * would complete has messages that it was not told.
   */
  finish(
    attempt: TurnAttempt,
    end: { readonly status: 'completed' | 'failed' | 'cancelled'; readonly error: TurnError | null },
    events: readonly NewEvent[],
  ): Promise<'finished' | 'more-messages'>;
  /** Lets go of a turn until its approvals are decided. */
  park(
    attempt: TurnAttempt,
    runState: string,
    approvals: readonly Pick<ApprovalRecord, 'id' | 'callId' | 'tool' | 'arguments'>[],
    events: readonly NewEvent[],
  ): Promise<void>;
  /** Lets go of a turn that another worker is to take up at once. */
  release(attempt: TurnAttempt): Promise<void>;
  approvals(turnId: string): Promise<readonly ApprovalRecord[]>;
  /** Null when there is no such approval. What was decided once stays. */
  decide(
    of: { readonly workspaceId: string; readonly sessionId: string; readonly approvalId: string },
    decision: ApprovalDecision,
    decidedBy: string,
    event: NewEvent,
  ): Promise<{ readonly approval: ApprovalRecord; readonly isNew: boolean } | null>;
  /**
   * A turn that nobody runs is cancelled at once, with its terminal event; one that runs is asked to end. A turn
   * that has ended stays as it is. Null when there is no such turn.
   */
  cancel(
    of: { readonly workspaceId: string; readonly sessionId: string; readonly turnId: string },
    terminalEvent: NewEvent,
  ): Promise<TurnRecord | null>;
  /** Calls back soon after a turn may have become due. Answers how to stop. */
  onDue(callback: () => void): () => void;
  /** Calls back soon after a turn got a message or was asked to end. */
  onSignal(turnId: string, callback: () => void): () => void;
}
