// A session that moved on must not be watched through tokens of before: no token counts whose epoch is lower than one
// that was seen for the same channel and session, or that the control plane named for the session.

/** Longer than any token lives that was minted before. */
const KEPT_MS = 15 * 60_000;
/** Floors that are kept at most; the oldest go first. */
const MAX_FLOORS = 100_000;

interface Floor {
  epoch: number;
  seenAtMs: number;
}

export class EpochFloors {
  /** Oldest first. */
  readonly #floors = new Map<string, Floor>();

  /** False for an epoch below the floor; else that is the floor from now on. */
  admit(channelKey: string, sessionId: string, epoch: number, nowMs: number): boolean {
    const ofSession = this.#floors.get(sessionId)?.epoch ?? 0;
    const key = `${sessionId} ${channelKey}`;
    const ofChannel = this.#floors.get(key)?.epoch ?? 0;
    if (epoch < Math.max(ofSession, ofChannel)) return false;
    this.#set(key, epoch, nowMs);
    return true;
  }

  /** For every channel of the session. */
  raise(sessionId: string, epoch: number, nowMs: number): void {
    const present = this.#floors.get(sessionId)?.epoch ?? 0;
    this.#set(sessionId, Math.max(present, epoch), nowMs);
  }

  #set(key: string, epoch: number, nowMs: number): void {
    this.#floors.delete(key);
    this.#floors.set(key, { epoch, seenAtMs: nowMs });
    for (const [oldest, floor] of this.#floors) {
      if (this.#floors.size <= MAX_FLOORS && nowMs - floor.seenAtMs < KEPT_MS) break;
      this.#floors.delete(oldest);
    }
  }
}
