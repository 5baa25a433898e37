// Requests about files, each answered in one reply.

import { longestMessage } from '@boxyard/agent-proto';
import {
  ErrorCode,
  type FsEntry,
  FsEntryKind,
  FsEntrySchema,
  type FsListRequest,
  type FsListResponse,
  FsListResponseSchema,
  type FsReadRequest,
  type FsReadResponse,
  FsReadResponseSchema,
  type FsStatRequest,
  type FsStatResponse,
  FsStatResponseSchema,
  type FsWriteRequest,
  type FsWriteResponse,
  FsWriteResponseSchema,
} from '@boxyard/agent-proto/messages';
import {
  type AppendableFiles,
  type BoxFiles,
  type CallOptions,
  type FileEntry,
  type FileKind,
  streamChunks,
} from '@boxyard/sandbox-core';
import { create } from '@bufbuild/protobuf';
import { WireRefusal } from '../machine-failure.ts';
import type { AllowedPaths, PlacedPath } from './allowed-paths.ts';
import { bytesOf } from './command-request.ts';
import { termsOf } from './write-terms.ts';

/** Room in a reply beside what was asked for. */
const REPLY_RESERVE_BYTES = 1024;
/** What one entry needs beside its name and target. */
const ENTRY_BYTES = 64;

const KINDS: Readonly<Record<FileKind, FsEntryKind>> = {
  file: FsEntryKind.FILE,
  dir: FsEntryKind.DIRECTORY,
  symlink: FsEntryKind.SYMLINK,
  other: FsEntryKind.OTHER,
};
/** The bits of a raw mode that say what it is. */
const TYPE_BITS: Readonly<Record<FileKind, number>> = {
  file: 0o100000,
  dir: 0o040000,
  symlink: 0o120000,
  other: 0,
};

export async function readFile(
  paths: AllowedPaths,
  request: FsReadRequest,
  maxPayload: number,
  call: CallOptions,
): Promise<FsReadResponse> {
  const { files, path } = paths.place(request.path);
  const offset = Number(request.offset);
  const longest = longestMessage(maxPayload) - REPLY_RESERVE_BYTES;
  const length = request.length === 0n ? undefined : Number(request.length);
  const { stream, sizeBytes, version } = await files.open(path, { ...call, offset, length });
  const expected = Math.min(length ?? Number.POSITIVE_INFINITY, Math.max(0, sizeBytes - offset));
  if (expected > longest) {
    await stream.cancel();
    const detail = { op: 'fsRead', encoded_bytes: String(expected), max_payload: String(maxPayload) };
    throw new WireRefusal(
      ErrorCode.PAYLOAD_TOO_LARGE,
      `${expected} bytes do not fit into one reply.`,
      detail,
    );
  }
  const chunks: Uint8Array[] = [];
  const what = `Reading ${JSON.stringify(request.path)}`;
  for await (const chunk of streamChunks(stream, call.signal, what)) chunks.push(chunk);
  const content = Buffer.concat(chunks);
  return create(FsReadResponseSchema, { content, totalSize: BigInt(sizeBytes), version });
}

export async function writeFile(
  paths: AllowedPaths,
  request: FsWriteRequest,
  call: CallOptions,
): Promise<FsWriteResponse> {
  const place = paths.place(request.path);
  const { createParents, mode, terms } = request;
  if (request.append && terms === undefined && canAppend(place.files)) {
    const added = bytesOf(request.content);
    const options = { ...call, ...termsOf(mode, terms), createParents };
    const { version } = await place.files.append(place.path, added, options);
    return create(FsWriteResponseSchema, { bytesWritten: BigInt(added.length), version });
  }
  const content = request.append ? await appended(place, request.content, call) : bytesOf(request.content);
  const options = { ...call, ...termsOf(mode, terms), createParents };
  // A mode of the wire counts only for a file that is made, unless it is said to count always.
  if (terms?.setMode !== true && mode !== 0 && (await place.files.stat(place.path, call)) !== null) {
    delete (options as { mode?: number }).mode;
  }
  const { version } = await place.files.write(place.path, content, options);
  return create(FsWriteResponseSchema, { bytesWritten: BigInt(request.content.length), version });
}

const canAppend = (files: BoxFiles): files is AppendableFiles => 'append' in files;

/** Where nothing can be added in place, or only on terms: what is there and what comes are written as one. */
async function appended({ files, path }: PlacedPath, more: Uint8Array, call: CallOptions) {
  if ((await files.stat(path, call)) === null) return bytesOf(more);
  return bytesOf(Buffer.concat([await files.read(path, call), more]));
}

export async function statFile(
  paths: AllowedPaths,
  { path: asked }: FsStatRequest,
  call: CallOptions,
): Promise<FsStatResponse> {
  const { files, path } = paths.place(asked);
  const entry = await files.stat(path, call);
  if (entry === null) return create(FsStatResponseSchema, { exists: false });
  return create(FsStatResponseSchema, { exists: true, entry: entryOf(entry, asked) });
}

export async function listFolder(
  paths: AllowedPaths,
  request: FsListRequest,
  maxPayload: number,
  call: CallOptions,
): Promise<FsListResponse> {
  const { files, path } = paths.place(request.path);
  const found: FsEntry[] = [];
  const longest = longestMessage(maxPayload) - REPLY_RESERVE_BYTES;
  let bytes = 0;
  const add = (entry: FileEntry, below: string): boolean => {
    bytes += ENTRY_BYTES + Buffer.byteLength(below) + Buffer.byteLength(entry.name);
    bytes += Buffer.byteLength(entry.target ?? '');
    if (bytes > longest && request.paged && found.length > 0) return false;
    found.push(entryOf(entry, below));
    return true;
  };
  const visit = async (folder: string, prefix: string): Promise<boolean> => {
    const entries = [...(await files.list(folder, call))].sort(byName);
    for (const entry of entries) {
      if (prefix === '' && request.afterName !== '' && compareBytes(entry.name, request.afterName) <= 0)
        continue;
      if (!add(entry, prefix + entry.name)) return false;
      if (request.recursive && entry.kind === 'dir') {
        if (!(await visit(entry.path, `${prefix}${entry.name}/`))) return false;
      }
    }
    return true;
  };
  const whole = await visit(path, '');
  return create(FsListResponseSchema, { entries: found, more: !whole });
}

function entryOf(entry: FileEntry, path: string): FsEntry {
  return create(FsEntrySchema, {
    name: entry.name,
    path,
    kind: KINDS[entry.kind],
    size: BigInt(entry.sizeBytes),
    modifiedMs: BigInt(entry.modifiedAt.getTime()),
    mode: entry.mode | TYPE_BITS[entry.kind],
    target: entry.target ?? '',
  });
}

const byName = (one: FileEntry, other: FileEntry) => compareBytes(one.name, other.name);
const compareBytes = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other));
