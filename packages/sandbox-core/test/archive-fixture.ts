// What the tests of packing and of reading archives share.
import { createHash } from 'node:crypto';
import { pack } from 'tar-stream';
import { expect } from 'vitest';
import type { ArchiveItem, FileReading } from '../src/archive/archive-item.ts';
import { packArchive } from '../src/archive/pack-archive.ts';
import { type ArchiveMember, type ReadArchiveOptions, readArchive } from '../src/archive/read-archive.ts';
import type { Bytes } from '../src/call-options.ts';

export const MTIME = 1_700_000_000_123_456_789n;
export const bytes = (text: string): Bytes => new TextEncoder().encode(text);
export const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');
export const code = (name: string) => expect.objectContaining({ name: 'SandboxError', code: name });

export function readingOf(
  content: Uint8Array,
  changes: { changed?: boolean; size?: number; mode?: number } = {},
): FileReading {
  let at = 0;
  return {
    sizeBytes: changes.size ?? content.length,
    mode: changes.mode ?? 0o644,
    mtimeNs: MTIME,
    next: async () => {
      const chunk = new Uint8Array(content.subarray(at, at + 300_000));
      at += chunk.length;
      return chunk.length === 0 ? null : chunk;
    },
    changed: async () => changes.changed ?? false,
    close: async () => undefined,
  };
}

export const file = (path: string, content: string | Uint8Array, mode = 0o644): ArchiveItem => ({
  kind: 'file',
  path,
  open: async () => readingOf(typeof content === 'string' ? bytes(content) : content, { mode }),
});
export const dir = (path: string, mode = 0o755): ArchiveItem => ({ kind: 'dir', path, mode, mtimeNs: MTIME });
export const symlink = (path: string, target: string): ArchiveItem => ({
  kind: 'symlink',
  path,
  target,
  mtimeNs: MTIME,
});

export async function* itemsOf(items: readonly ArchiveItem[]) {
  yield* items;
}

export async function collect(stream: ReadableStream<Bytes>): Promise<Buffer> {
  const chunks: Bytes[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function packed(items: readonly ArchiveItem[], compression: 'none' | 'gzip' = 'none') {
  const archive = packArchive(itemsOf(items), { compression });
  const content = await collect(archive.stream);
  return { content, manifest: await archive.manifest };
}

export const streamOf = (content: Uint8Array, step = 65_536): ReadableStream<Bytes> =>
  ReadableStream.from(
    (function* () {
      for (let at = 0; at < content.length; at += step) yield new Uint8Array(content.subarray(at, at + step));
    })(),
  ) as ReadableStream<Bytes>;

export async function unpacked(content: Uint8Array, options: ReadArchiveOptions = {}, step?: number) {
  const members: (Omit<ArchiveMember, 'content'> & { text: string })[] = [];
  const result = await readArchive(streamOf(content, step), options, async ({ content: body, ...member }) => {
    const chunks: Bytes[] = [];
    for await (const chunk of body) chunks.push(chunk);
    members.push({ ...member, text: Buffer.concat(chunks).toString() });
  });
  return { ...result, members };
}

export type RawHeader = Parameters<ReturnType<typeof pack>['entry']>[0];

/** A tar as anybody may write it. */
export async function tarOf(...members: readonly (readonly [RawHeader, string?])[]): Promise<Buffer> {
  const tar = pack();
  for (const [header, content] of members) {
    if (content === undefined) tar.entry(header).end(null);
    else tar.entry(header, content);
  }
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
}
