/** One turn as somebody at this end sees it: its events, the calls that wait for a decision, and Ctrl-C. */
import type { BoxyardSession, SessionEvent } from '@boxyard/client';
import { ApprovalDesk, type Decide } from './approval-desk.ts';
import { isTurnEnd, type TurnEnd } from './session-standing.ts';

export interface WatchTurnRequest {
  readonly session: BoxyardSession;
  readonly turnId: string;
  /** Events behind this one are read. */
  readonly after: number;
  /** What the turn told before, when it is joined in the middle. */
  readonly earlier?: readonly SessionEvent[];
  readonly show: (event: SessionEvent) => void;
  readonly decide: Decide;
  /** Ends the watching and nothing else. */
  readonly leave: AbortSignal;
  readonly onFailure: (error: unknown) => void;
}

/** How it came out: an end, `undecided` when it waits for somebody who is not here, `left` when only we have gone. */
export interface WatchedTurn {
  readonly outcome: TurnEnd['type'] | 'undecided' | 'left';
  /** Of the last event that was seen. */
  readonly seq: number;
}

/** @throws BoxyardError when the server refuses, or cannot be reached for a minute; the turn goes on meanwhile. */
export async function watchTurn(request: WatchTurnRequest): Promise<WatchedTurn> {
  const { session, turnId, after, earlier = [], show, leave } = request;
  const undecided = new AbortController();
  const desk = new ApprovalDesk({
    session,
    decide: request.decide,
    onUndecided: () => undecided.abort(),
    onFailure: request.onFailure,
  });
  let seq = after;
  const take = (event: SessionEvent): void => {
    seq = Math.max(seq, event.seq);
    if (event.turnId !== turnId && !(event.turnId === undefined && event.type.startsWith('sandbox.'))) return;
    show(event);
    if (event.type === 'approval.requested') desk.requested(event.payload);
    if (event.type === 'approval.resolved') desk.resolved(event.payload.approvalId);
  };
  try {
    for (const event of earlier) take(event);
    desk.ask();
    const signal = AbortSignal.any([leave, undecided.signal]);
    for await (const event of session.events.follow({ after, signal })) {
      take(event);
      if (event.turnId === turnId && isTurnEnd(event)) return { outcome: event.type, seq };
      desk.ask();
    }
  } catch (error) {
    if (leave.aborted) return { outcome: 'left', seq };
    if (undecided.signal.aborted) return { outcome: 'undecided', seq };
    throw error;
  } finally {
    desk.close();
  }
  throw new Error('The endless stream of events has ended.');
}
