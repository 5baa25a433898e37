// Archives of every kind for the archive cases: honest ones, damaged ones and hostile ones.
import { gzipSync } from 'node:zlib';
import type { Bytes } from '@boxyard/sandbox-core';
import { type Header, pack } from 'tar-stream';

export interface TarMember {
  readonly header: Partial<Header> & Pick<Header, 'name'>;
  readonly content?: string | Bytes;
}

/** A plain tar, without any mark of ours. */
export async function tarOf(members: readonly TarMember[]): Promise<Bytes> {
  const tar = pack();
  const parts: Uint8Array[] = [];
  const ended = (async () => {
    for await (const part of tar) parts.push(part as Uint8Array);
  })();
  for (const { header, content } of members) {
    const bytes = Buffer.from(content ?? '');
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve());
      if (content === undefined) tar.entry(header, done).end(undefined);
      else tar.entry({ ...header, size: bytes.length }, bytes, done);
    });
  }
  tar.finalize();
  await ended;
  return new Uint8Array(Buffer.concat(parts));
}

export const file = (name: string, content: string): TarMember => ({
  header: { name, mode: 0o644 },
  content,
});
export const folder = (name: string): TarMember => ({ header: { name, type: 'directory', mode: 0o755 } });
export const link = (name: string, linkname: string): TarMember => ({
  header: { name, linkname, type: 'symlink' },
});
export const hardLink = (name: string, linkname: string): TarMember => ({
  header: { name, linkname, type: 'link' },
});

export const zipped = (bytes: Bytes): Bytes => new Uint8Array(gzipSync(bytes));

/** In parts, so that readers that want all at once are caught. */
export function streamOf(bytes: Bytes): ReadableStream<Bytes> {
  let at = 0;
  return new ReadableStream<Bytes>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + 10_007));
      at += 10_007;
    },
  });
}

export async function bytesIn(stream: ReadableStream<Bytes>): Promise<Bytes> {
  const parts: Bytes[] = [];
  for await (const part of stream) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}
