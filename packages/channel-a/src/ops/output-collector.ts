import type { ContentEncoding } from '@boxyard/contracts';
import type { Bytes } from '@boxyard/sandbox-core';
import { endOfWholeCharacters } from '../files/text-content.ts';

export type OutputChannel = 'stdout' | 'stderr';

/** Keeps the beginning of each channel for an answer. */
export class OutputCollector {
  readonly #maxBytes: number;
  readonly #chunks: Record<OutputChannel, Bytes[]> = { stdout: [], stderr: [] };
  readonly #kept: Record<OutputChannel, number> = { stdout: 0, stderr: 0 };
  readonly #cut: Record<OutputChannel, boolean> = { stdout: false, stderr: false };

  constructor(maxBytesPerChannel: number) {
    this.#maxBytes = maxBytesPerChannel;
  }

  /** Something was left out. */
  get truncated(): boolean {
    return this.#cut.stdout || this.#cut.stderr;
  }

  /** Both channels had more than is kept: what follows changes nothing. */
  get full(): boolean {
    return this.#cut.stdout && this.#cut.stderr;
  }

  push(channel: OutputChannel, bytes: Bytes): void {
    const room = this.#maxBytes - this.#kept[channel];
    if (bytes.length > room) this.#cut[channel] = true;
    const kept = bytes.length > room ? bytes.subarray(0, room) : bytes;
    if (kept.length === 0) return;
    this.#chunks[channel].push(kept);
    this.#kept[channel] += kept.length;
  }

  /** Bytes that are no UTF-8 become replacement characters in text; base64 gives them as they are. */
  text(channel: OutputChannel, encoding: ContentEncoding): string {
    const bytes = Buffer.concat(this.#chunks[channel]);
    if (encoding === 'base64') return bytes.toString('base64');
    return bytes.toString('utf8', 0, this.#cut[channel] ? endOfWholeCharacters(bytes) : bytes.length);
  }
}
