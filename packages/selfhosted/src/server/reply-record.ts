/** What may be remembered: more than any client repeats, and little memory. */
const MOST_REPLIES = 2048;
const MOST_BYTES = 32 * 1024 * 1024;

/** Replies to requests that changed something, so that one which is sent again is answered and not done again. */
export class ReplyRecord {
  readonly #replies = new Map<string, { readonly reply: Promise<Uint8Array>; bytes: number }>();
  #bytes = 0;

  /** The reply to this request, made by `work` when it is heard for the first time. */
  once(requestId: string, work: () => Promise<Uint8Array>): Promise<Uint8Array> {
    if (requestId === '') return work();
    const known = this.#replies.get(requestId);
    if (known !== undefined) return known.reply;
    const entry = { reply: work(), bytes: 0 };
    this.#replies.set(requestId, entry);
    void entry.reply.then(({ length }) => {
      if (this.#replies.get(requestId) !== entry) return;
      entry.bytes = length;
      this.#bytes += length;
      this.#shrink();
    });
    this.#shrink();
    return entry.reply;
  }

  #shrink(): void {
    for (const [requestId, { bytes }] of this.#replies) {
      if (this.#replies.size <= MOST_REPLIES && this.#bytes <= MOST_BYTES) return;
      this.#replies.delete(requestId);
      this.#bytes -= bytes;
    }
  }
}
