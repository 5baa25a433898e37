// A viewer's token is replaced by its next one, every minute or so. An older one that is shown after a newer one is no
// longer its viewer's: it was kept or taken by somebody, or gives rights that were given back.

/** Of so many viewers at most; the oldest go first. */
const MAX_KEPT = 100_000;

export class NewestTokens {
  /** When the newest token runs out, by viewer and channel; oldest entry first. */
  readonly #expiresAtMs = new Map<string, number>();

  /** False for a token that runs out before one that this viewer has shown for the channel. */
  admit(channelKey: string, viewerId: string, expiresAtMs: number, nowMs: number): boolean {
    const key = `${viewerId} ${channelKey}`;
    const newest = this.#expiresAtMs.get(key) ?? 0;
    if (expiresAtMs < newest) return false;
    this.#expiresAtMs.delete(key);
    this.#expiresAtMs.set(key, expiresAtMs);
    for (const [oldest, at] of this.#expiresAtMs) {
      // What is older than a token that has run out has run out itself.
      if (this.#expiresAtMs.size <= MAX_KEPT && at >= nowMs) break;
      this.#expiresAtMs.delete(oldest);
    }
    return true;
  }
}
