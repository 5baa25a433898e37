// The one place where an archive's bytes meet the tar decoder.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import type { Bytes } from '../call-options.ts';
import { streamChunks } from '../deadline/stream-chunks.ts';
import { SandboxError } from '../sandbox-error.ts';

// A tar ends with two empty blocks; one that was cut off between two members does not.
const END_BYTES = 1024;

export type TarHeader = Omit<Header, 'pax' | 'linkname' | 'type'> & {
  /** Extended records, of which only text is let through. */
  readonly pax: Readonly<Record<string, string>>;
  readonly linkname: string;
  /** Null for kinds that the decoder does not know. */
  readonly type: Header['type'] | null;
};

export interface TarMember {
  readonly header: TarHeader;
  readonly content: AsyncIterable<Bytes>;
}

/** The members of a tar, gzipped or not. What is left of a content is skipped when the next one is asked for. */
export async function* tarMembers(
  archive: ReadableStream<Bytes>,
  signal: AbortSignal | undefined,
): AsyncGenerator<TarMember, void, void> {
  const decoder = extract();
  // Ends a source that hangs when the reading is given up for another reason.
  const ending = new AbortController();
  const signals = signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal]);
  const source = streamChunks(archive, signals, 'Reading the archive');
  let feedError: unknown = null;
  const feeding = feed(source, decoder).catch((error) => {
    feedError = error;
    decoder.destroy(error instanceof Error ? error : new Error('The archive could not be read.'));
  });
  try {
    for await (const entry of decoder) {
      const { pax, linkname, ...header } = entry.header;
      yield {
        header: { ...header, linkname: linkname ?? '', pax: textRecords(pax) },
        content: contentOf(entry),
      };
      // The decoder goes on only when the member has been read.
      entry.resume();
    }
    await feeding;
    if (feedError !== null) throw feedError;
  } catch (error) {
    throw damaged(feedError ?? error);
  } finally {
    ending.abort();
    decoder.destroy();
    await feeding;
  }
}

async function* contentOf(entry: AsyncIterable<unknown>): AsyncGenerator<Bytes, void, void> {
  try {
    for await (const chunk of entry) if (chunk instanceof Uint8Array) yield new Uint8Array(chunk);
  } catch (error) {
    throw damaged(error);
  }
}

async function feed(
  source: AsyncGenerator<Bytes, void, void>,
  decoder: ReturnType<typeof extract>,
): Promise<void> {
  let wake: () => void = () => undefined;
  decoder.on('drain', () => wake());
  decoder.on('close', () => wake());
  let tail: Uint8Array = new Uint8Array(0);
  const take = async (chunk: Uint8Array) => {
    tail =
      chunk.length >= END_BYTES
        ? chunk.subarray(-END_BYTES)
        : Buffer.concat([tail, chunk]).subarray(-END_BYTES);
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    if (!decoder.write(chunk) && !decoder.destroyed) await woken;
  };
  const { head, isGzip } = await firstBytes(source);
  const all = chained(head, source);
  try {
    if (isGzip) {
      await pipeline(Readable.from(all), createGunzip(), async (plain: AsyncIterable<Uint8Array>) => {
        for await (const chunk of plain) {
          if (decoder.destroyed) break;
          await take(chunk);
        }
      });
    } else {
      for await (const chunk of all) {
        if (decoder.destroyed) break;
        await take(chunk);
      }
    }
    if (decoder.destroyed) return;
    if (tail.length < END_BYTES || tail.some((byte) => byte !== 0)) {
      throw new SandboxError('invalid', 'The archive is cut off: its end is missing. Get it again.');
    }
    decoder.end(null);
  } finally {
    await source.return();
  }
}

/** The beginning, long enough to recognise gzip. */
async function firstBytes(
  source: AsyncGenerator<Bytes, void, void>,
): Promise<{ head: Uint8Array; isGzip: boolean }> {
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < 2) {
    const next = await source.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  return { head, isGzip: head[0] === 0x1f && head[1] === 0x8b };
}

async function* chained(
  head: Uint8Array,
  rest: AsyncGenerator<Bytes, void, void>,
): AsyncGenerator<Uint8Array, void, void> {
  if (head.length > 0) yield head;
  yield* rest;
}

function textRecords(pax: unknown): Record<string, string> {
  const records: Record<string, string> = {};
  if (typeof pax !== 'object' || pax === null) return records;
  for (const name of ['comment', 'mtime'] as const) {
    const value = (pax as Record<string, unknown>)[name];
    if (typeof value === 'string') records[name] = value;
  }
  return records;
}

function damaged(error: unknown): unknown {
  if (SandboxError.isInstance(error)) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new SandboxError(
    'invalid',
    `The archive is corrupt or cut off (${why}). Nothing was replaced; get it again.`,
    { cause: error, started: 'no' },
  );
}
