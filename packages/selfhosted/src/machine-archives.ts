import { randomUUID } from 'node:crypto';
import { OpChannel } from '@boxyard/agent-proto/messages';
import {
  type ArchiveManifest,
  type BoxArchives,
  type Bytes,
  bounded,
  checkRelativePath,
  type PackedArchive,
  type PackOptions,
  streamChunks,
  type UnpackOptions,
  type UnpackReport,
} from '@boxyard/sandbox-core';
import { ChunkedUpload } from './chunked-upload.ts';
import { beginDownload } from './download.ts';
import { OpReader } from './op-reader.ts';
import type { MachineFilesOptions } from './rooted-files.ts';

/** The workspace of a machine as a tar, packed and unpacked there. */
export class MachineArchives implements BoxArchives {
  readonly #options: Omit<MachineFilesOptions, 'root'>;

  constructor(options: Omit<MachineFilesOptions, 'root'>) {
    this.#options = options;
  }

  pack(options: PackOptions = {}): Promise<PackedArchive> {
    const what = 'Packing an archive';
    return bounded(options, what, async (signal) => {
      const { calls, frames, handle } = this.#options;
      handle.ensureOpen();
      const { path = '', compression } = options;
      const opId = randomUUID();
      const reader = new OpReader({ calls, frames, opId, what, ownStream: true });
      const value = { path: checkRelativePath(path), gzip: compression === 'gzip' };
      const op = { case: 'pack', value } as const;
      const { stream, result } = await beginDownload({ reader, calls, handle, opId, what, op, signal });
      const manifest = result.then((text) => JSON.parse(text) as ArchiveManifest);
      manifest.catch(() => undefined);
      return { stream, manifest };
    });
  }

  unpack(archive: ReadableStream<Bytes>, options: UnpackOptions): Promise<UnpackReport> {
    const what = 'Unpacking an archive';
    const { calls, frames, handle, maxChunkBytes } = this.#options;
    return handle.bounded(options, what, async (signal, call) => {
      const { path = '', mode, limits, allowOutwardLinks = false, fence } = options;
      const value = {
        path: checkRelativePath(path),
        merge: mode === 'merge',
        limits: limits === undefined ? '' : JSON.stringify(limits, numbersAsTheyAre),
        allowOutwardLinks,
      };
      const upload = new ChunkedUpload({ calls, what, signal, maxChunkBytes });
      const reader = new OpReader({ calls, frames, opId: upload.opId, what, ownStream: true });
      try {
        await reader.listen();
        const report = reportOf(reader, signal);
        report.catch(() => undefined);
        const begin = { op: { case: 'unpack', value }, attach: reader.attachMessage() } as const;
        const chunks = streamChunks(archive, signal, what);
        await upload.send(
          begin,
          new Uint8Array(),
          chunks,
          fence,
          () => call.progress(),
          () => reader.begun(),
        );
        return await report;
      } finally {
        reader.stop();
      }
    });
  }
}

async function reportOf(reader: OpReader, signal: AbortSignal): Promise<UnpackReport> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const item of reader.news(signal)) {
    if (item.kind === 'data' && item.channel === OpChannel.RESULT)
      text += decoder.decode(item.bytes, { stream: true });
  }
  return JSON.parse(text) as UnpackReport;
}

/** JSON has no infinity and no NaN, and would say null: the machine has to judge what was asked for. */
const numbersAsTheyAre = (_name: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
