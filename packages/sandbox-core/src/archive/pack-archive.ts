import { createHash } from 'node:crypto';
import type { Header } from 'tar-stream';
import type { PackedArchive } from '../box-archives.ts';
import type { Bytes } from '../call-options.ts';
import { throwIfAborted } from '../deadline/bounded.ts';
import { SandboxError } from '../sandbox-error.ts';
import type { ArchiveItem, FileReading } from './archive-item.ts';
import type { ArchiveManifest, ManifestEntry } from './archive-manifest.ts';
import { AGAIN_MARK, ARCHIVE_MARK, MANIFEST_MARK, MANIFEST_NAME } from './archive-marks.ts';
import { ArchiveOutput } from './archive-output.ts';

// Up to here a file is read before its header is written, so that a second reading leaves no trace.
const WHOLE_BYTES = 1024 * 1024;

// Where the header's own field ends: eleven octal digits.
const MAX_HEADER_SECONDS = 0o77777777777n;

const REGULAR = 0o100000;
const FOLDER = 0o040000;

type TarHeader = Partial<Header> & Pick<Header, 'name'>;

/** One reading of a file. */
interface Once {
  readonly entry: ManifestEntry;
  readonly changed: boolean;
  /** Not yet in the archive; null when the bytes were streamed into it. */
  readonly held: { readonly header: TarHeader; readonly content: Bytes } | null;
}

type OpenFile = Extract<ArchiveItem, { kind: 'file' }>['open'];

export interface PackArchiveOptions {
  readonly compression?: 'none' | 'gzip' | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Packs items into a tar that every tar can read: permissions, links, empty folders, times to the nanosecond.
 * Its last member is the manifest of the bytes that really went in. Reads at most some 1 MiB ahead of its reader.
 */
export function packArchive(
  items: AsyncIterable<ArchiveItem>,
  options: PackArchiveOptions = {},
): PackedArchive {
  const output = new ArchiveOutput(options.compression ?? 'gzip', (reason) =>
    output.fail(new SandboxError('cancelled', 'Packing was cancelled by its reader.', { cause: reason })),
  );
  const onAbort = () => {
    try {
      throwIfAborted(options.signal, 'Packing');
    } catch (error) {
      output.fail(error);
    }
  };
  options.signal?.addEventListener('abort', onAbort, { once: true });
  onAbort();
  const manifest = new Packing(output)
    .pack(items)
    .catch((error) => {
      output.fail(error);
      // What broke it off, not what that made the encoder say.
      throw output.failure?.error ?? error;
    })
    .finally(() => options.signal?.removeEventListener('abort', onAbort));
  // Whoever reads the stream learns of a failure there; the manifest need not be asked for.
  manifest.catch(() => undefined);
  return { stream: output.stream, manifest };
}

class Packing {
  readonly #output: ArchiveOutput;
  readonly #entries: ManifestEntry[] = [];

  constructor(output: ArchiveOutput) {
    this.#output = output;
  }

  async pack(items: AsyncIterable<ArchiveItem>): Promise<ArchiveManifest> {
    await this.#output.room();
    await this.#put({ name: './', type: 'directory', mode: FOLDER | 0o755, pax: { comment: ARCHIVE_MARK } });
    for await (const item of items) {
      await this.#output.room();
      const entry = await this.#item(item);
      if (entry !== null) this.#entries.push(entry);
    }
    this.#entries.sort((a, b) => (a.path < b.path ? -1 : 1));
    const manifest: ArchiveManifest = { version: 1, entries: this.#entries };
    const json = Buffer.from(JSON.stringify(manifest));
    const pax = { comment: MANIFEST_MARK };
    await this.#put(
      { name: MANIFEST_NAME, type: 'file', mode: REGULAR | 0o600, size: json.length, pax },
      json,
    );
    await this.#output.finish();
    return manifest;
  }

  async #item(item: ArchiveItem): Promise<ManifestEntry | null> {
    const { path, kind } = item;
    switch (kind) {
      case 'dir': {
        await this.#put({ name: path, type: 'directory', mode: FOLDER | item.mode, ...times(item.mtimeNs) });
        return { path, kind, mode: item.mode, sizeBytes: 0 };
      }
      case 'symlink': {
        const sha256 = createHash('sha256').update(item.target).digest('hex');
        const linkname = item.target;
        await this.#put({
          name: path,
          type: 'symlink',
          mode: REGULAR | 0o777,
          linkname,
          ...times(item.mtimeNs),
        });
        return { path, kind, mode: 0o777, sizeBytes: Buffer.byteLength(item.target), sha256 };
      }
      case 'skipped': {
        const omitted = item.was === 'other' ? {} : ({ omitted: true } as const);
        return { path, kind: item.was, mode: item.mode, sizeBytes: 0, ...omitted };
      }
      case 'file':
        return this.#file(path, item.open);
    }
  }

  async #file(path: string, open: OpenFile): Promise<ManifestEntry | null> {
    const first = await this.#once(path, open, null);
    if (first === 'gone') return null;
    if (first === 'unreadable') return { path, kind: 'file', mode: 0, sizeBytes: 0, omitted: true };
    let read = first;
    let torn = false;
    if (first.changed) {
      // Once more and no further: what changes all the time would never get done. A first reading that was
      // streamed is in the archive already, so the second follows it, marked.
      const second = await this.#once(path, open, first.held === null ? AGAIN_MARK : null);
      if (second !== 'gone' && second !== 'unreadable') read = second;
      torn = read.changed;
    }
    if (read.held !== null) await this.#put(read.held.header, read.held.content);
    return torn ? { ...read.entry, torn } : read.entry;
  }

  async #once(path: string, open: OpenFile, mark: string | null): Promise<Once | 'gone' | 'unreadable'> {
    const reading = await open();
    if (reading === 'gone' || reading === 'unreadable') return reading;
    try {
      const { mode } = reading;
      if (reading.sizeBytes > WHOLE_BYTES) {
        const header = fileHeader(path, reading, reading.sizeBytes, mark);
        const sha256 = await this.#streamed(header, reading);
        const entry = { path, kind: 'file', mode, sizeBytes: reading.sizeBytes, sha256 } as const;
        return { entry, changed: await reading.changed(), held: null };
      }
      const content = await contentOf(reading);
      const sha256 = createHash('sha256').update(content).digest('hex');
      const entry = { path, kind: 'file', mode, sizeBytes: content.length, sha256 } as const;
      const held = { header: fileHeader(path, reading, content.length, mark), content };
      return { entry, changed: await reading.changed(), held };
    } finally {
      await reading.close();
    }
  }

  /** Exactly as many bytes as the header says, whatever the file does meanwhile: one more or less breaks a tar. */
  async #streamed(header: TarHeader, reading: FileReading): Promise<string> {
    const hash = createHash('sha256');
    const body = new TarBody(this.#output, header);
    for (let left = reading.sizeBytes; left > 0; ) {
      await this.#output.room();
      const chunk = (await reading.next()) ?? new Uint8Array(Math.min(left, WHOLE_BYTES));
      const part = chunk.subarray(0, left);
      hash.update(part);
      await body.write(part);
      left -= part.length;
    }
    await body.end();
    return hash.digest('hex');
  }

  async #put(header: TarHeader, content?: Uint8Array): Promise<void> {
    const body = new TarBody(this.#output, header);
    if (content !== undefined && content.length > 0) await body.write(content);
    await body.end();
  }
}

/** The bytes of one member. */
class TarBody {
  readonly #sink: ReturnType<ArchiveOutput['tar']['entry']>;
  readonly #ended: Promise<void>;
  #goOn: () => void = () => undefined;

  constructor(output: ArchiveOutput, header: TarHeader) {
    let done: (error?: Error | null) => void = () => undefined;
    this.#ended = new Promise((resolve, reject) => {
      done = (error) => {
        if (error) reject(error);
        else resolve();
        this.#goOn();
      };
    });
    this.#ended.catch(() => undefined);
    this.#sink = output.tar.entry(header, (error) => done(error));
    // The encoder reports its failures to the archive as a whole.
    this.#sink.on('error', () => undefined);
    this.#sink.on('drain', () => this.#goOn());
  }

  async write(chunk: Uint8Array): Promise<void> {
    const drained = new Promise<void>((resolve) => {
      this.#goOn = resolve;
    });
    if (!this.#sink.write(chunk)) await drained;
  }

  end(): Promise<void> {
    this.#sink.end(null);
    return this.#ended;
  }
}

async function contentOf(reading: FileReading): Promise<Bytes> {
  const chunks: Bytes[] = [];
  let length = 0;
  for (let chunk = await reading.next(); chunk !== null; chunk = await reading.next()) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= reading.sizeBytes) break;
  }
  const content = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    content.set(chunk, at);
    at += chunk.length;
  }
  return content.subarray(0, reading.sizeBytes);
}

function fileHeader(path: string, reading: FileReading, size: number, mark: string | null): TarHeader {
  const { mtime, pax } = times(reading.mtimeNs);
  return {
    name: path,
    type: 'file',
    // Without the kind a mode of zero would count as none.
    mode: REGULAR | reading.mode,
    size,
    mtime,
    pax: mark === null ? pax : { ...pax, comment: mark },
  };
}

/** The header holds seconds from 0 on; the exact time goes beside it. */
function times(mtimeNs: bigint): { mtime: Date; pax: Record<string, string> } {
  const negative = mtimeNs < 0n;
  const size = negative ? -mtimeNs : mtimeNs;
  const exact = `${negative ? '-' : ''}${size / 1_000_000_000n}.${String(size % 1_000_000_000n).padStart(9, '0')}`;
  const seconds = negative ? 0n : size / 1_000_000_000n;
  // tar-stream holds the seconds in 32 bits.
  const held = seconds > 0x7fffffffn || seconds > MAX_HEADER_SECONDS ? 0n : seconds;
  return { mtime: new Date(Number(held) * 1000), pax: { mtime: exact } };
}
