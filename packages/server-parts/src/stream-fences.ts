// A session that has gone elsewhere is not shown through streams of before: the relay in this process is told where each
// session stands whose streams it carries, whichever process moved it.
import type { PointerStore } from '@boxyard/sandbox-core';
import type { Relay, RelayNotice, RelayTicket } from '@boxyard/streaming/relay';

export interface StreamFencesOptions {
  readonly pointers: Pick<PointerStore, 'read' | 'subscribe'>;
  readonly relay: () => Pick<Relay, 'fenceSession'>;
  readonly onTrouble: (error: unknown) => void;
}

interface Watched {
  streams: number;
  readonly stop: () => void;
}

export class StreamFences {
  readonly #options: StreamFencesOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(options: StreamFencesOptions) {
    this.#options = options;
  }

  /** For `onNotice` of the relay. */
  hear(notice: RelayNotice): void {
    if (notice.kind === 'opened') this.#watch(notice.ticket);
    if (notice.kind === 'closed') this.#unwatch(notice.ticket);
  }

  #watch(ticket: RelayTicket): void {
    const sessionId = sessionOf(ticket);
    if (sessionId === null) return;
    const present = this.#watched.get(sessionId);
    if (present !== undefined) {
      present.streams += 1;
      return;
    }
    const look = () => void this.#look(ticket.workspaceId, sessionId).catch(this.#options.onTrouble);
    this.#watched.set(sessionId, { streams: 1, stop: this.#options.pointers.subscribe(sessionId, look) });
    // It may have moved since the token was made.
    look();
  }

  #unwatch(ticket: RelayTicket): void {
    const sessionId = sessionOf(ticket);
    const watched = sessionId === null ? undefined : this.#watched.get(sessionId);
    if (sessionId === null || watched === undefined) return;
    watched.streams -= 1;
    if (watched.streams > 0) return;
    watched.stop();
    this.#watched.delete(sessionId);
  }

  async #look(workspaceId: string, sessionId: string): Promise<void> {
    const pointer = await this.#options.pointers.read(workspaceId, sessionId);
    if (pointer !== null) this.#options.relay().fenceSession(sessionId, pointer.activeEpoch);
  }
}

/** Null for the machine itself, and for connections to ports, which are no session's: see `portRelay`. */
function sessionOf({ viewer, channelId }: RelayTicket): string | null {
  return viewer === null || viewer.sessionId === channelId ? null : viewer.sessionId;
}
