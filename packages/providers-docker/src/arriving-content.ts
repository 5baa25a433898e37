// Content of a sender whose pace nobody knows, for somebody who must not be made to wait for it.
import { setTimeout as delay } from 'node:timers/promises';
import type { Bytes } from '@boxyard/sandbox-core';

/** A sender that needs longer for its next part is not waited for. */
export const STALL_MS = 100;

export interface ArrivingPart {
  readonly pieces: readonly Bytes[];
  readonly sizeBytes: number;
  /** Nothing is in it, and nothing comes after it. */
  readonly isEnd: boolean;
}

export class ArrivingContent {
  readonly #parts: AsyncGenerator<ArrivingPart, ArrivingPart, void>;
  #coming: Promise<ArrivingPart>;

  /** Parts have `partBytes` at least, but for the last one. */
  constructor(chunks: AsyncIterable<Bytes>, partBytes: number) {
    this.#parts = gathered(chunks, partBytes);
    this.#coming = this.#ask();
  }

  /** The next part, however long it takes. */
  async next(): Promise<ArrivingPart> {
    return this.#handOut(await this.#coming);
  }

  /** The next part; null when it is late, or when it came after `turnEnd` (of `performance.now()`). */
  async following(turnEnd: number): Promise<ArrivingPart | null> {
    const part = await Promise.race([this.#coming, delay(STALL_MS, null, { ref: false })]);
    if (part === null || (!part.isEnd && performance.now() > turnEnd)) return null;
    return this.#handOut(part);
  }

  /** Not waited for: a sender that stands still would never let go. */
  close(): void {
    this.#parts.return(END).catch(() => undefined);
  }

  /** While a part is on its way the one after it may come. */
  #handOut(part: ArrivingPart): ArrivingPart {
    if (!part.isEnd) this.#coming = this.#ask();
    return part;
  }

  #ask(): Promise<ArrivingPart> {
    const coming = this.#parts.next().then(({ value }) => value);
    // Told to whoever asks for it.
    coming.catch(() => undefined);
    return coming;
  }
}

const END: ArrivingPart = { pieces: [], sizeBytes: 0, isEnd: true };

async function* gathered(
  chunks: AsyncIterable<Bytes>,
  partBytes: number,
): AsyncGenerator<ArrivingPart, ArrivingPart, void> {
  let pieces: Bytes[] = [];
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    pieces.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes < partBytes) continue;
    yield { pieces, sizeBytes, isEnd: false };
    pieces = [];
    sizeBytes = 0;
  }
  if (sizeBytes > 0) yield { pieces, sizeBytes, isEnd: false };
  return END;
}
