/** An event before it has a place in a session's log. `type` and `data` are those of contracts' `SessionEvent`. */
export interface NewEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** The turn that it belongs to. */
  readonly turnId?: string | undefined;
}

export interface LoggedEvent extends NewEvent {
  readonly sessionId: string;
  /** Grows by one per session, without gaps, in the order of commit. */
  readonly seq: number;
  readonly at: Date;
  readonly revision: number;
  readonly leaseEpoch: number;
}

/** Who reads an event: one session, or every session of the group, because they share the box. */
export type EventAudience = { readonly sessionId: string } | { readonly groupId: string };

export interface AppendOptions {
  readonly leaseEpoch: number;
  /** Grow the group's revision by one in the same statement. */
  readonly mutates: boolean;
}

export interface EventLog {
  /** One statement. Answers the group's revision after it. With no events it only grows or reads the revision. */
  append(audience: EventAudience, events: readonly NewEvent[], options: AppendOptions): Promise<number>;
  revision(groupId: string): Promise<number>;
  read(
    sessionId: string,
    query: { readonly after: number; readonly limit: number },
  ): Promise<readonly LoggedEvent[]>;
  /** Calls back soon after events of the session were committed, by any process. Answers how to stop. */
  subscribe(sessionId: string, onAppended: () => void): () => void;
  /** Removes events older than the date, in one bounded batch; answers how many. */
  trim(olderThan: Date, limit: number): Promise<number>;
}
