import { EVENT_PERMISSIONS, SessionEvent, SessionEventList, SessionEventQuery } from '@boxyard/contracts';
import type { EventLog, KeyRecord, LoggedEvent } from '@boxyard/sandbox-core';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import type { RouteTable } from '../define-route.ts';
import { ApiError } from '../problem.ts';
import { answerWithEvents, type ServerSentEvent } from '../server-sent-events.ts';
import type { ApiServices } from '../services.ts';
import { WakeUp } from '../wake-up.ts';

const SEQ = /^\d{1,15}$/;
const BATCH = 500;
/** A notification may be lost with its connection; a stream looks by itself this often. */
const LOOK_EVERY_MS = 5_000;

/** What a key lacks the permission for is left out, not refused: the rest of the stream is still for it. */
const isFor = (key: KeyRecord) => (event: LoggedEvent) => {
  const needed = EVENT_PERMISSIONS[event.type as SessionEvent['type']];
  return needed === undefined || key.permissions.includes(needed);
};

const describeEvent = ({ data, at, ...event }: LoggedEvent) =>
  ({ ...event, at: at.toISOString(), payload: data }) as SessionEvent;

export function addEventRoutes(routes: RouteTable, { boxes, events }: ApiServices): void {
  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/sessions/:sid/events',
      tag: 'events',
      name: 'list',
      events: SessionEvent,
      summary:
        'What happened in a session: a page of JSON, or with Accept: text/event-stream an endless stream',
      query: SessionEventQuery,
      headers: ['Last-Event-ID'],
      status: 200,
      answer: SessionEventList,
    },
    async ({ query }, c) => {
      const sessionId = c.req.param('sid') ?? '';
      await boxes.find(c.get('workspace').id, sessionId);
      const mayRead = isFor(c.get('key'));
      if (c.req.header('accept')?.includes('text/event-stream')) {
        const after = lastEventId(c.req.header('last-event-id')) ?? query.after;
        return answerWithEvents(c, (signal) => follow(events, sessionId, after, mayRead, signal));
      }
      const after = query.cursor === undefined ? query.after : Number(decodeCursor(query.cursor, SEQ));
      const found = await events.read(sessionId, { after, limit: query.limit });
      return {
        items: found.filter(mayRead).map(describeEvent),
        nextCursor: found.length < query.limit ? null : encodeCursor(String(found.at(-1)?.seq)),
      };
    },
  );
}

function lastEventId(header: string | undefined): number | undefined {
  if (header === undefined || header === '') return undefined;
  if (!SEQ.test(header))
    throw new ApiError('invalid', 'The Last-Event-ID is not one of this stream. Leave it out.');
  return Number(header);
}

/** Everything after `after`, then whatever comes, until the signal aborts. */
async function* follow(
  events: EventLog,
  sessionId: string,
  after: number,
  mayRead: (event: LoggedEvent) => boolean,
  signal: AbortSignal,
): AsyncGenerator<ServerSentEvent> {
  const wakeUp = new WakeUp(signal);
  const unsubscribe = events.subscribe(sessionId, () => wakeUp.call());
  try {
    for (let seen = after; !signal.aborted; ) {
      const batch = await events.read(sessionId, { after: seen, limit: BATCH });
      for (const event of batch) {
        if (mayRead(event)) {
          yield { id: String(event.seq), event: event.type, data: JSON.stringify(describeEvent(event)) };
        }
        seen = event.seq;
      }
      if (batch.length < BATCH) await wakeUp.wait(LOOK_EVERY_MS);
    }
  } finally {
    unsubscribe();
  }
}
