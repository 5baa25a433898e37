// Files of a box whose image brings little more than a shell. What changes them is done in the box by its own user;
// contents and facts come through the engine's archive API, for places that the box's shell has judged.
import {
  type Bytes,
  type CallOptions,
  type FileEntry,
  type FileRange,
  joinPath,
  type OpenedFile,
  SandboxError,
  type WriteOptions,
  type WrittenFile,
} from '@boxyard/sandbox-core';
import { WORKSPACE } from '../container-request.ts';
import type { Engine } from '../engine.ts';
import { statArchived } from '../engine-archive.ts';
import { checkRange, tooLarge } from '../shell-files/file-arguments.ts';
import { dateOf } from '../shell-files/file-facts.ts';
import { fileFailure } from '../shell-files/file-failure.ts';
import { ShellFiles, type ShellFilesOptions } from '../shell-files/shell-files.ts';
import { linkTarget } from './bare-file.ts';
import { BarePlaces, versionOf } from './bare-places.ts';
import { BareWriter } from './bare-writer.ts';
import { type FewTools, needTools } from './few-tools.ts';

export interface BareFilesOptions extends ShellFilesOptions {
  readonly engine: Engine;
  readonly container: string;
  readonly tools: FewTools;
}

const DEFAULT_MAX_READ_BYTES = 256 * 1024 * 1024;
const LOOKS_AT_ONCE = 8;
const UNNAMED = { kind: 'other', sizeBytes: 0, mode: 0, modifiedAt: new Date(0) } as const;

export class BareFiles extends ShellFiles {
  readonly #options: BareFilesOptions;
  readonly #places: BarePlaces;
  readonly #writer: BareWriter;

  constructor(options: BareFilesOptions) {
    super(options);
    this.#options = options;
    const { engine, container, link, inbox, tools } = options;
    const { epoch } = options.place;
    const places = new BarePlaces({ engine, container, link, epoch });
    this.#places = places;
    const writer = { engine, container, link, inbox, places, epoch, tools };
    this.#writer = new BareWriter({ ...writer, alone: (run) => this.alone(run) });
  }

  override read(
    path: string,
    options: CallOptions & FileRange & { readonly maxBytes?: number } = {},
  ): Promise<Bytes> {
    return this.call(options, 'Reading', path, async (at, what, signal) => {
      const range = checkRange(options);
      const most = options.maxBytes ?? DEFAULT_MAX_READ_BYTES;
      const file = await this.#places.take(at, what, signal);
      try {
        const end = range.length === null ? file.sizeBytes : range.offset + range.length;
        const length = Math.max(0, Math.min(file.sizeBytes, end) - range.offset);
        if (length > most) throw tooLarge(length, most);
        return await file.bytes(range.offset, length);
      } finally {
        file.close();
      }
    });
  }

  override open(path: string, options: CallOptions & FileRange = {}): Promise<OpenedFile> {
    return this.call(options, 'Opening', path, async (at, what, signal) => {
      const range = checkRange(options);
      const file = await this.#places.take(at, what, signal);
      const end = range.length === null ? file.sizeBytes : range.offset + range.length;
      return {
        stream: file.stream(range.offset, Math.max(0, end - range.offset), options.signal),
        version: versionOf(file),
        sizeBytes: file.sizeBytes,
      };
    });
  }

  override async write(
    path: string,
    content: Bytes | ReadableStream<Bytes>,
    options: WriteOptions = {},
  ): Promise<WrittenFile> {
    try {
      return await this.call(options, 'Writing', path, (at, what, signal, { progress }) =>
        this.#writer.write(content, { at, what, options, signal, progress }),
      );
    } catch (error) {
      // Whoever feeds the stream learns that nobody takes more of it.
      if (content instanceof ReadableStream && !content.locked) content.cancel(error).catch(() => undefined);
      throw error;
    }
  }

  override version(path: string, options: CallOptions = {}): Promise<string | null> {
    return this.call(options, 'Reading the version of', path, async (at, what, signal) => {
      const place = await this.#places.locate(at, what, { nothing: [2, 5] });
      return place === null || place.kind === 'n' ? null : this.#places.version(at, what, signal);
    });
  }

  override stat(path: string, options: CallOptions = {}): Promise<FileEntry | null> {
    return this.call(options, 'Looking at', path, async (at, what) => {
      const place = await this.#places.locate(at, what, { follow: false, nothing: [2, 5] });
      if (place === null || place.kind === 'n') return null;
      return this.#entry(at, at === '' ? WORKSPACE : place.path);
    });
  }

  override list(path: string, options: CallOptions = {}): Promise<readonly FileEntry[]> {
    return this.call(options, 'Listing', path, async (at, what, signal) => {
      const { link, place } = this.#options;
      const reply = await link.request('names', [at]);
      if (reply.kind !== 'bytes') {
        if (reply.status === 12) throw tooMany(what);
        // Whether its links lead to nothing or go round, only a look at them tells.
        if (reply.status === 2) await this.#places.locate(at, what);
        throw fileFailure(reply, what, place.epoch);
      }
      const words = split(Buffer.from(reply.bytes));
      const look = async (word: Buffer): Promise<FileEntry | null> => {
        signal.throwIfAborted();
        const name = word.toString('utf8', 1);
        const path = joinPath(at, name);
        // No text leads back to such a name: it can only be shown.
        if (!Buffer.from(name).equals(word.subarray(1))) return { name, path, ...UNNAMED };
        return this.#entry(path, `${WORKSPACE}/${path}`);
      };
      const entries: (FileEntry | null)[] = [];
      for (let from = 0; from < words.length; from += LOOKS_AT_ONCE)
        entries.push(...(await Promise.all(words.slice(from, from + LOOKS_AT_ONCE).map(look))));
      // One that has gone meanwhile is no entry.
      return entries.filter((entry) => entry !== null);
    });
  }

  override async move(
    from: string,
    to: string,
    options: CallOptions & { readonly overwrite?: boolean; readonly createParents?: boolean } = {},
  ): Promise<void> {
    needTools(this.#options.tools, ['mv', 'ln', 'rm', 'mkdir', 'rmdir'], 'Moving a file');
    await super.move(from, to, options);
  }

  override async remove(
    path: string,
    options: CallOptions & { readonly recursive?: boolean } = {},
  ): Promise<void> {
    needTools(this.#options.tools, ['rm', 'rmdir'], 'Removing a file');
    await super.remove(path, options);
  }

  override async mkdir(
    path: string,
    options: CallOptions & { readonly recursive?: boolean } = {},
  ): Promise<void> {
    needTools(this.#options.tools, ['mkdir'], 'Making a folder');
    await super.mkdir(path, options);
  }

  async #entry(path: string, real: string): Promise<FileEntry | null> {
    const { engine, container, link, tools } = this.#options;
    const facts = await statArchived(engine, container, real);
    if (facts === null) return null;
    let target: string | null = null;
    if (facts.kind === 'symlink') {
      const reply = tools.has('readlink') ? await link.request('link', [path]) : null;
      if (reply?.kind === 'bytes') target = Buffer.from(reply.bytes).toString('utf8');
      else if (reply === null) target = await linkTarget(engine, container, real).catch(roundOnes);
      if (target === null) return null;
    }
    return {
      name: path.slice(path.lastIndexOf('/') + 1),
      path,
      kind: facts.kind,
      sizeBytes: facts.sizeBytes,
      mode: facts.mode,
      modifiedAt: dateOf(facts.mtimeNs),
      ...(target === null ? {} : { target }),
    };
  }
}

/** A link whose text nobody can tell is still a link. */
function roundOnes(error: unknown): string {
  if (SandboxError.hasCode(error, 'invalid')) return '';
  throw error;
}

/** Words that end with `/`. */
function split(raw: Buffer): readonly Buffer[] {
  const words: Buffer[] = [];
  for (let at = 0, end = raw.indexOf('/'); end !== -1; at = end + 1, end = raw.indexOf('/', at))
    words.push(raw.subarray(at, end));
  return words;
}

function tooMany(what: string): SandboxError {
  return new SandboxError(
    'too-large',
    `${what} failed: its names are more than a megabyte. Use a command, or another image.`,
    { started: 'no' },
  );
}
