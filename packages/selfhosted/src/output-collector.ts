import type { Bytes, ExecResult, OutputEvent } from '@boxyard/sandbox-core';

/** Keeps the beginning of what a command prints. */
export class OutputCollector {
  readonly #mostBytes: number;
  readonly #parts: Record<'stdout' | 'stderr', Bytes[]> = { stdout: [], stderr: [] };
  readonly #kept = { stdout: 0, stderr: 0 };
  #truncated = false;
  #complete = false;

  /** @param mostBytes What is kept of each channel. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  add(event: OutputEvent): void {
    if (event.kind === 'end') {
      this.#complete = event.complete;
      return;
    }
    const { channel, bytes } = event;
    const room = this.#mostBytes - this.#kept[channel];
    if (bytes.length > room) this.#truncated = true;
    if (room <= 0) return;
    const kept = bytes.subarray(0, room);
    this.#parts[channel].push(kept);
    this.#kept[channel] += kept.length;
  }

  result(): Pick<ExecResult, 'stdout' | 'stderr' | 'truncated' | 'outputComplete'> {
    const joined = (parts: Bytes[]): Bytes => new Uint8Array(Buffer.concat(parts));
    return {
      stdout: joined(this.#parts.stdout),
      stderr: joined(this.#parts.stderr),
      truncated: this.#truncated,
      outputComplete: this.#complete,
    };
  }
}
