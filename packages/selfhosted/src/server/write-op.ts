import {
  type FsWriteBegin,
  type WriteChunk,
  type WriteChunkAck,
  WriteChunkAckSchema,
} from '@boxyard/agent-proto/messages';
import { SandboxError, type WriteOptions, type WrittenFile } from '@boxyard/sandbox-core';
import { create } from '@bufbuild/protobuf';
import type { PlacedPath } from './allowed-paths.ts';
import { ChunkInlet } from './chunk-inlet.ts';
import { RunningOp } from './running-op.ts';
import { termsOf } from './write-terms.ts';

/** A file that comes in chunks. It is there as a whole after the last one, or not at all. */
export class WriteOp extends RunningOp {
  readonly #inlet: ChunkInlet;
  readonly #written: Promise<WrittenFile>;

  constructor(id: string, originId: string, begin: FsWriteBegin, to: PlacedPath, options: WriteOptions) {
    const inlet = new ChunkInlet();
    const stop = new AbortController();
    const written = to.files.write(to.path, inlet.stream, {
      ...termsOf(begin.mode, begin.terms),
      ...options,
      createParents: begin.createParents,
      signal: stop.signal,
      deadlineMs: Number.POSITIVE_INFINITY,
    });
    written.catch((error: unknown) => inlet.abort(error));
    super(id, originId, {
      done: written,
      release: async () => {
        stop.abort(new SandboxError('cancelled', 'The upload was given up; nothing was written.'));
        await written.catch(() => undefined);
      },
    });
    this.#inlet = inlet;
    this.#written = written;
  }

  /** With the last chunk it resolves when the file is there. */
  async take(chunk: WriteChunk): Promise<WriteChunkAck> {
    const { seq, last } = chunk;
    await this.#inlet.take(chunk, this.#written);
    if (!last) return create(WriteChunkAckSchema, { seq });
    const { version, sizeBytes } = await this.#written;
    return create(WriteChunkAckSchema, { seq, version, sizeBytes: BigInt(sizeBytes) });
  }
}
