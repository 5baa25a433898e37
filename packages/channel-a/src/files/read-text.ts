import type { FsReadRequest, FsReadResponse } from '@boxyard/contracts';
import type { BoxFiles, CallOptions } from '@boxyard/sandbox-core';
import { BINARY_PROBE_BYTES, decodeText, looksBinary } from './text-content.ts';

/** Reads a part of a file for JSON. */
export async function readText(
  files: BoxFiles,
  request: FsReadRequest,
  options: CallOptions,
): Promise<Omit<FsReadResponse, 'path' | 'revision' | 'sandboxGroupId'>> {
  const { path, offset, maxBytes } = request;
  const opened = await files.open(path, { ...options, offset, length: maxBytes });
  const bytes = await collect(opened.stream);
  const head =
    offset === 0 && (bytes.length >= BINARY_PROBE_BYTES || bytes.length === opened.sizeBytes)
      ? bytes
      : await files.read(path, { ...options, offset: 0, length: BINARY_PROBE_BYTES });
  const isBinary = looksBinary(head);
  const atEnd = offset + bytes.length >= opened.sizeBytes;
  const { content, encoding, sizeBytes } = decodeText(bytes, request.encoding, { atEnd, isBinary });
  return {
    encoding,
    content,
    sizeBytes,
    totalBytes: opened.sizeBytes,
    truncated: offset + sizeBytes < opened.sizeBytes,
    isBinary,
    etag: opened.version,
  };
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
