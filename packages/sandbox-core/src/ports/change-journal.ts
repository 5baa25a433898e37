import type { NewEvent } from './event-log.ts';

/** The log of one session and its box, bound to the epoch that the box was opened with. */
export interface ChangeJournal {
  readonly groupId: string;
  revision(): Promise<number>;
  /** Stores what changed and grows the revision; answers the revision after it. */
  record(events: readonly NewEvent[]): Promise<number>;
}
