import type { RelayTicket } from './relay-ticket.ts';

/** Whose streams end at once. Every member that is given must fit. */
export interface RevokedStreams {
  readonly viewerId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly agentId?: string | undefined;
  /** One token; see `nonce` of its claims. */
  readonly nonce?: string | undefined;
}

/** No token lives longer. */
const KEPT_MS = 15 * 60_000;
const MAX_KEPT = 10_000;

/** What was taken back and could still be shown, until it has run out by itself. */
export class Revocations {
  /** Oldest first. */
  #kept: { readonly what: RevokedStreams; readonly atMs: number }[] = [];

  add(what: RevokedStreams, nowMs: number): void {
    this.#kept = this.#kept.filter(({ atMs }) => nowMs - atMs < KEPT_MS).slice(-(MAX_KEPT - 1));
    this.#kept.push({ what, atMs: nowMs });
  }

  includes(ticket: RelayTicket, nowMs: number): boolean {
    return this.#kept.some(({ what, atMs }) => nowMs - atMs < KEPT_MS && fits(what, ticket));
  }
}

/** A revocation that names nothing fits nobody. */
export function fits(what: RevokedStreams, { agentId, viewer }: RelayTicket): boolean {
  const pairs: (readonly [string | undefined, string | null | undefined])[] = [
    [what.agentId, agentId],
    [what.viewerId, viewer?.viewerId],
    [what.sessionId, viewer?.sessionId],
    [what.nonce, viewer?.nonce],
  ];
  const named = pairs.filter(([wanted]) => wanted !== undefined);
  return named.length > 0 && named.every(([wanted, actual]) => wanted === actual);
}
