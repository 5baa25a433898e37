import type { BoxyardSession, SessionEvent } from '@boxyard/client';

/** Where a session stands when somebody joins it. */
export interface SessionStanding {
  /** Of the newest event; 0 when there is none. */
  readonly seq: number;
  /** The turn that has not ended, with what it told so far. */
  readonly open: { readonly turnId: string; readonly events: readonly SessionEvent[] } | null;
}

/** The three ends of a turn. */
export type TurnEnd = Extract<SessionEvent, { type: 'turn.completed' | 'turn.failed' | 'turn.cancelled' }>;

export const isTurnEnd = (event: SessionEvent): event is TurnEnd =>
  event.type === 'turn.completed' || event.type === 'turn.failed' || event.type === 'turn.cancelled';

const PAGE_LENGTH = 1_000;

/** Reads the session's log once from its beginning and keeps only what the last turn told. */
export async function readStanding(session: BoxyardSession): Promise<SessionStanding> {
  let seq = 0;
  let turnId: string | null = null;
  let events: SessionEvent[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await session.events.list({
      limit: PAGE_LENGTH,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const event of page.items) {
      seq = event.seq;
      if (event.turnId === undefined) continue;
      if (turnId !== event.turnId) events = [];
      events.push(event);
      turnId = isTurnEnd(event) ? null : event.turnId;
    }
    cursor = page.nextCursor;
  }
  return { seq, open: turnId === null ? null : { turnId, events } };
}
