import { EventsRoutes } from './generated/route-groups.ts';
import type { SessionEvent } from './generated/schemas.ts';
import { resumedEvents } from './resumed-events.ts';

export interface FollowOptions {
  /** Only events with a higher `seq`; 0 begins with the first. */
  readonly after?: number;
  readonly signal?: AbortSignal | undefined;
  readonly resumeMs?: number;
}

/** What happened in a session: as pages (`list`), and as it happens (`follow`). */
export class SessionEvents extends EventsRoutes {
  /** Every event after `after`, then whatever comes, endlessly; none is missing and none comes twice. */
  async *follow(options: FollowOptions = {}): AsyncGenerator<SessionEvent, void, undefined> {
    const { after, signal, resumeMs } = options;
    const messages = resumedEvents({
      open: (lastEventId) =>
        this.stream(after === undefined ? {} : { after }, {
          signal,
          headers: lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId },
        }),
      signal,
      resumeMs,
    });
    for await (const { data } of messages) yield data;
  }
}
