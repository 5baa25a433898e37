import { ErrorCode, type WriteChunk } from '@boxyard/agent-proto/messages';
import type { Bytes } from '@boxyard/sandbox-core';
import { WireRefusal } from '../machine-failure.ts';

/** What may wait for the disk before the next chunk is answered. */
const HELD_BYTES = 1024 * 1024;

/** Chunks that come in requests which may be repeated, as one stream: each once, in order. */
export class ChunkInlet {
  readonly stream: ReadableStream<Bytes>;
  readonly #writer: WritableStreamDefaultWriter<Bytes>;
  readonly #acked = new Map<number, Promise<void>>();
  #next = 0;
  #last = false;

  constructor() {
    const strategy = new ByteLengthQueuingStrategy({ highWaterMark: HELD_BYTES });
    const { readable, writable } = new TransformStream<Bytes, Bytes>(undefined, strategy, {
      highWaterMark: 0,
    });
    this.stream = readable;
    this.#writer = writable.getWriter();
    // Whoever reads it tells why it stopped; nobody has to wait here for that.
    this.#writer.closed.catch(() => undefined);
  }

  /**
   * Resolves once there is room for more.
   *
   * @param read The work that reads the stream: why it stopped is what the sender has to know.
   * @throws WireRefusal for a chunk that leaves a gap.
   */
  async take(chunk: WriteChunk, read: Promise<unknown>): Promise<void> {
    const taken = this.#take(chunk).catch(async (error: unknown) => {
      if (!(error instanceof WireRefusal)) await read;
      throw error;
    });
    // A reader that has enough leaves no room.
    await Promise.race([taken, read]);
  }

  async #take({ seq: wireSeq, bytes, last }: WriteChunk): Promise<void> {
    const seq = Number(wireSeq);
    const known = this.#acked.get(seq);
    if (known !== undefined) return known;
    if (seq < this.#next) return;
    if (seq > this.#next || this.#last) {
      throw new WireRefusal(ErrorCode.PROTOCOL, `Chunk ${seq} came where chunk ${this.#next} was expected.`);
    }
    this.#next++;
    this.#last = last;
    const accepted = this.#accept(new Uint8Array(bytes), last);
    this.#acked.set(seq, accepted);
    accepted.catch(() => undefined);
    // Only the newest can be under way; older ones are answered at once.
    this.#acked.delete(seq - 2);
    return accepted;
  }

  async abort(reason: unknown): Promise<void> {
    await this.#writer.abort(reason).catch(() => undefined);
  }

  async #accept(bytes: Bytes, last: boolean): Promise<void> {
    await this.#writer.ready;
    // Not awaited: it resolves once the bytes are read, and the room is what counts.
    if (bytes.length > 0) this.#writer.write(bytes).catch(() => undefined);
    if (last) this.#writer.close().catch(() => undefined);
    else await this.#writer.ready;
  }
}
