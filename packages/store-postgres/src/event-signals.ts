import type { Bus } from '@boxyard/sandbox-core';
import { type Notifications, topics } from './notifications.ts';

/**
 * That a session has new events. Statements notify by themselves; with a bus of the installation's own, followers listen
 * there instead, and whoever stored events tells it once they are stored.
 */
export class EventSignals {
  readonly #notifications: Notifications;
  readonly #bus: Bus | null;

  constructor(notifications: Notifications, bus: Bus | null) {
    this.#notifications = notifications;
    this.#bus = bus;
  }

  subscribe(sessionId: string, onAppended: () => void): () => void {
    return (this.#bus ?? this.#notifications).subscribe(topics.events(sessionId), onAppended);
  }

  stored(...sessionIds: readonly string[]): void {
    for (const sessionId of sessionIds) this.#bus?.publish(topics.events(sessionId));
  }
}
