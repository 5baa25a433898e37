// The engine's archive API: it reads and writes a container's files as root, and follows links that the box made.
// Who uses it has to know that the place is one which the box cannot have exchanged, or what a wrong one would mean.
import { Readable } from 'node:stream';
import { type Bytes, type FileKind, SandboxError } from '@boxyard/sandbox-core';
import { extract, type Header } from 'tar-stream';
import type { Engine } from './engine.ts';
import { isNoContainer, statusOf, textOf } from './engine-error.ts';
import { BLOCK, headerBlock } from './shell-files/tar-writer.ts';

const BUFFER_BYTES = 1024 * 1024;

/** What the engine says about one name; a link is described, not followed. */
export interface ArchivedFacts {
  readonly kind: FileKind;
  /** Permission bits only (`0o7777`). */
  readonly mode: number;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
}

/** One file on its way out. */
export interface ArchivedFile {
  readonly header: Header;
  /** Of one moment: the engine holds the file open. */
  readonly content: AsyncIterable<Bytes>;
  /** Lets go of it, also in the middle. */
  close(): void;
}

export interface TarFolder {
  readonly name: string;
  readonly mode: number;
  /** Owner and group. */
  readonly owner: number;
}

export interface TarFile extends TarFolder {
  readonly sizeBytes: number;
  /** In pieces as they come. */
  readonly content: Iterable<Bytes> | AsyncIterable<Bytes>;
}

/** Null when there is nothing of that name. */
export function statArchived(engine: Engine, container: string, path: string): Promise<ArchivedFacts | null> {
  return engine.ask('Looking at a file', async (docker) => {
    try {
      const answer: unknown = await docker.getContainer(container).infoArchive({ path });
      return factsOf(answer);
    } catch (error) {
      // The engine looks for the end of a link where there is none; of the link itself it says nothing then.
      if (goesRound(error)) return { kind: 'symlink', mode: 0o777, sizeBytes: 0, mtimeNs: 0n };
      if (statusOf(error) === 404 && !isNoContainer(error)) return null;
      throw error;
    }
  });
}

/** The first member of what the engine packs for the path: the file itself, or a link. Null when nothing is there. */
export async function openArchived(
  engine: Engine,
  container: string,
  path: string,
): Promise<ArchivedFile | null> {
  const source = await engine.ask('Reading a file', async (docker) => {
    try {
      return Readable.from(await docker.getContainer(container).getArchive({ path }));
    } catch (error) {
      if (goesRound(error)) throw roundLinks(error);
      if (statusOf(error) === 404 && !isNoContainer(error)) return null;
      throw error;
    }
  });
  if (source === null) return null;
  const reader = extract();
  source.on('error', (error) => reader.destroy(error));
  // One that ends within a member is destroyed by the reader itself.
  source.pipe(reader);
  const close = () => {
    source.destroy();
    reader.destroy();
  };
  try {
    const first = await reader[Symbol.asyncIterator]().next();
    if (first.done) {
      close();
      return null;
    }
    return { header: first.value.header, content: bytesOf(first.value), close };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Unpacks members, in their order, into a folder that must be there. A folder that is there already gets the mode and
 * owner that are given. Rejects with what the members throw; then only a part is there. Content that ends before its
 * size ends the archive: what came of it is there then, still root's.
 */
export function putArchived(
  engine: Engine,
  container: string,
  folder: string,
  members: AsyncIterable<TarFile | TarFolder>,
  signal: AbortSignal,
): Promise<void> {
  return engine.ask('Writing a file', async (docker) => {
    signal.throwIfAborted();
    const failed = new AbortController();
    let isCut = false;
    const onCut = () => {
      isCut = true;
    };
    const tar = Readable.from(tarOf(members, onCut), { objectMode: false, highWaterMark: BUFFER_BYTES });
    // The engine sees an archive that breaks off.
    tar.once('error', (error) => failed.abort(error));
    const abortSignal = AbortSignal.any([signal, failed.signal]);
    try {
      await docker.getContainer(container).putArchive(tar, { path: folder, abortSignal });
    } catch (error) {
      signal.throwIfAborted();
      if (failed.signal.aborted) throw failed.signal.reason;
      if (isCut && /unexpected EOF/i.test(textOf(error))) return;
      if (/no space left|quota exceeded/i.test(textOf(error))) throw diskFull(error);
      throw error;
    } finally {
      tar.destroy();
    }
  });
}

async function* tarOf(
  members: AsyncIterable<TarFile | TarFolder>,
  onCut: () => void,
): AsyncGenerator<Uint8Array, void, void> {
  const mtimeNs = BigInt(Date.now()) * 1_000_000n;
  for await (const member of members) {
    const { name: path, mode, owner } = member;
    if (!('content' in member)) {
      yield headerBlock({ path, type: '5', mode, owner, mtimeNs });
      continue;
    }
    const { content, sizeBytes } = member;
    yield headerBlock({ path, type: '0', mode, owner, mtimeNs, sizeBytes });
    let leftBytes = sizeBytes;
    for await (const piece of content) {
      for (let at = 0; at < piece.length; at += BUFFER_BYTES) yield piece.subarray(at, at + BUFFER_BYTES);
      leftBytes -= piece.length;
    }
    if (leftBytes > 0) {
      onCut();
      return;
    }
    if (sizeBytes % BLOCK > 0) yield Buffer.alloc(BLOCK - (sizeBytes % BLOCK));
  }
  yield Buffer.alloc(2 * BLOCK);
}

const goesRound = (error: unknown) => statusOf(error) === 500 && /too many links/i.test(textOf(error));

function roundLinks(cause: unknown): SandboxError {
  return new SandboxError('invalid', 'Reading a link failed: its links go round. Correct them.', {
    started: 'no',
    cause,
  });
}

function diskFull(cause: unknown): SandboxError {
  return new SandboxError(
    'quota',
    'Writing a file failed: the box took only a part. Is its disk full? Nothing was replaced; free some space.',
    { started: 'no', cause },
  );
}

async function* bytesOf(entry: AsyncIterable<unknown>): AsyncGenerator<Bytes, void, void> {
  for await (const chunk of entry) if (chunk instanceof Uint8Array) yield new Uint8Array(chunk);
}

// As Go writes them: the kind in the high bits, set-id and sticky bits between.
const GO_DIR = 2 ** 31;
const GO_LINK = 2 ** 27;
const GO_OTHER = 2 ** 26 + 2 ** 25 + 2 ** 24 + 2 ** 21 + 2 ** 19;

/** Null for what is no such header. */
export function factsOf(answer: unknown): ArchivedFacts | null {
  const headers = (answer as { headers?: Record<string, unknown> } | null)?.headers ?? {};
  const text = headers['x-docker-container-path-stat'];
  if (typeof text !== 'string') return null;
  const { size, mode, mtime } = JSON.parse(Buffer.from(text, 'base64').toString('utf8')) as {
    size: number;
    mode: number;
    mtime: string;
  };
  const has = (bits: number) => (BigInt(mode) & BigInt(bits)) !== 0n;
  const special = (has(2 ** 23) ? 0o4000 : 0) + (has(2 ** 22) ? 0o2000 : 0) + (has(2 ** 20) ? 0o1000 : 0);
  return {
    kind: has(GO_DIR) ? 'dir' : has(GO_LINK) ? 'symlink' : has(GO_OTHER) ? 'other' : 'file',
    mode: Number(BigInt(mode) & 0o777n) + special,
    sizeBytes: size,
    mtimeNs: timeOf(mtime),
  };
}

/** RFC 3339 with up to nine digits of a second, which no Date holds. */
function timeOf(text: string): bigint {
  const [, seconds = '', fraction = '', zone = 'Z'] =
    /^(.+?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const ms = Date.parse(`${seconds}${zone}`);
  return BigInt(Number.isNaN(ms) ? 0 : ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
