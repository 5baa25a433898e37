import {
  OpChannel,
  type WriteChunk,
  type WriteChunkAck,
  WriteChunkAckSchema,
} from '@boxyard/agent-proto/messages';
import { type BoxArchives, SandboxError, type UnpackOptions } from '@boxyard/sandbox-core';
import { create } from '@bufbuild/protobuf';
import { ChunkInlet } from './chunk-inlet.ts';
import { RunningOp } from './running-op.ts';

/** An archive that comes in chunks and is unpacked; its report is what the op answers. */
export class UnpackOp extends RunningOp {
  readonly #inlet: ChunkInlet;
  readonly #unpacked: Promise<unknown>;

  constructor(id: string, originId: string, archives: BoxArchives, options: UnpackOptions) {
    const inlet = new ChunkInlet();
    const stop = new AbortController();
    const unpacked = archives.unpack(inlet.stream, {
      ...options,
      signal: stop.signal,
      deadlineMs: Number.POSITIVE_INFINITY,
    });
    unpacked.catch((error: unknown) => inlet.abort(error));
    super(id, originId, {
      output: async function* () {
        const report = await unpacked;
        yield { kind: 'data', channel: OpChannel.RESULT, bytes: jsonBytes(report), offset: 0 };
      },
      release: async () => {
        stop.abort(new SandboxError('cancelled', 'The unpacking was given up; nothing was replaced.'));
        await unpacked.catch(() => undefined);
      },
    });
    this.#inlet = inlet;
    this.#unpacked = unpacked;
  }

  async take(chunk: WriteChunk): Promise<WriteChunkAck> {
    await this.#inlet.take(chunk, this.#unpacked);
    return create(WriteChunkAckSchema, { seq: chunk.seq });
  }
}

export const jsonBytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
