// Content that is longer than a message, in numbered chunks. What it makes is there after the last one, or not at all.
import { randomUUID } from 'node:crypto';
import type { OpStartSchema } from '@boxyard/agent-proto/messages';
import type { Bytes, SessionFence, WrittenFile } from '@boxyard/sandbox-core';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { MachineCalls } from './machine-calls.ts';

export interface ChunkedUploadOptions {
  readonly calls: MachineCalls;
  readonly what: string;
  readonly signal: AbortSignal;
  readonly maxChunkBytes: () => number;
}

type Begin = Extract<MessageInitShape<typeof OpStartSchema>, { readonly $typeName?: never }>;

export class ChunkedUpload {
  readonly opId = randomUUID();
  readonly #options: ChunkedUploadOptions;
  #seq = 0n;

  constructor(options: ChunkedUploadOptions) {
    this.#options = options;
  }

  /** Starts the op, calls `begun`, and sends everything. @returns What was written, for an op that writes a file. */
  async send(
    begin: Begin,
    first: Bytes,
    rest: AsyncIterable<Bytes>,
    fence: SessionFence | undefined,
    progress: () => void,
    begun: () => void = () => undefined,
  ): Promise<WrittenFile> {
    const { calls, what, signal } = this.#options;
    let sent = false;
    try {
      const value = { ...begin, originId: this.opId };
      const asked = { what, signal, changes: true, requestId: this.opId, fence };
      await calls.ask({ case: 'opStart', value } as const, asked);
      begun();
      for await (const chunk of this.#chunks(first, rest)) {
        await this.#chunk(chunk, false);
        progress();
      }
      const { version, sizeBytes } = await this.#chunk(new Uint8Array(), true);
      sent = true;
      return { version, sizeBytes: Number(sizeBytes) };
    } finally {
      if (!sent) calls.giveUp(this.opId, what);
    }
  }

  async *#chunks(first: Bytes, rest: AsyncIterable<Bytes>): AsyncGenerator<Bytes, void, void> {
    const longest = this.#options.maxChunkBytes();
    const cut = function* (bytes: Bytes) {
      for (let at = 0; at < bytes.length; at += longest) yield bytes.subarray(at, at + longest);
    };
    yield* cut(first);
    for await (const bytes of rest) yield* cut(bytes);
  }

  #chunk(bytes: Bytes, last: boolean) {
    const { calls, what, signal } = this.#options;
    const value = { opId: this.opId, seq: this.#seq++, bytes, last };
    return calls.ask({ case: 'writeChunk', value } as const, { what, signal, changes: true });
  }
}
