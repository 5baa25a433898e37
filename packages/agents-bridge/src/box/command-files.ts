import { createHash, randomUUID } from 'node:crypto';
import {
  type BoxFiles,
  type Bytes,
  bounded,
  type CallOptions,
  checkRelativePath,
  type ExecResult,
  type FileEntry,
  type FileRange,
  type OpenedFile,
  SandboxError,
  type ShellRunner,
  splitPath,
  streamChunks,
  type WriteOptions,
  type WrittenFile,
} from '@boxyard/sandbox-core';
import { entryOf, parseListing } from './file-listing.ts';
import { HEAD_BYTES, parseReadHead, scriptVersionOf, versionOf } from './file-read-head.ts';
import { fileRefusal } from './file-refusal.ts';
import { changedMeanwhile, streamOf } from './file-stream.ts';
import { FILE_EXITS, FILES_SCRIPT } from './files-script.ts';

const DEFAULT_MAX_READ_BYTES = 64 * 1024 * 1024;
const MOST_LISTING_BYTES = 256 * 1024 * 1024;
const DIGEST_LIMIT_BYTES = 8 * 1024 * 1024;
/** A stream is sent in commands of this, each of which holds it in memory. */
const STAGE_BYTES = 1024 * 1024;
/** A file or folder that changes while it is read is read again. */
const MOST_TRIES = 3;

type Calling = { readonly signal: AbortSignal; readonly deadlineMs: number };

/** The files of a box in which only commands can be run. */
export class CommandFiles implements BoxFiles {
  readonly #runner: ShellRunner;
  readonly #root: string;
  /** One change after the other: what a change depends on must not change under it. */
  #changing: Promise<unknown> = Promise.resolve();

  constructor(runner: ShellRunner, root: string) {
    this.#runner = runner;
    this.#root = root;
  }

  async read(
    path: string,
    options: CallOptions & FileRange & { readonly maxBytes?: number } = {},
  ): Promise<Bytes> {
    const { offset, length } = checkRange(options);
    const maxBytes = options.maxBytes ?? DEFAULT_MAX_READ_BYTES;
    return this.#call(options, 'Reading', path, async (at, what, left) => {
      for (let attempt = 1; ; attempt++) {
        const words = [String(offset), length === null ? '-' : String(length), String(maxBytes), '0'];
        const result = await this.#run('read', at, words, left(), { most: maxBytes + HEAD_BYTES });
        if (result.exitCode === FILE_EXITS.tooLarge) throw tooLarge(what, maxBytes);
        if (result.exitCode !== 0) throw fileRefusal(result.exitCode, what);
        const head = parseReadHead(result.stdout);
        const bytes = result.stdout.slice(head?.length ?? 0);
        if (head !== null && bytes.length === head.followingBytes) return bytes;
        if (attempt === MOST_TRIES) throw changedMeanwhile();
      }
    });
  }

  async open(path: string, options: CallOptions & FileRange = {}): Promise<OpenedFile> {
    const { offset, length } = checkRange(options);
    return this.#call(options, 'Opening', path, async (at, what, left) => {
      const words = [String(offset), length === null ? '-' : String(length), '-', '1'];
      const argv = this.#argv('read', at, words);
      const reading = await this.#runner.spawn({ program: { argv } }, left());
      return streamOf(reading, options.signal, (exitCode) => fileRefusal(exitCode, what));
    });
  }

  async write(
    path: string,
    content: Bytes | ReadableStream<Bytes>,
    options: WriteOptions = {},
  ): Promise<WrittenFile> {
    try {
      checkMode(options.mode);
      return await this.#call(options, 'Writing', path, async (at, what, left, signal, progress) => {
        const parts = [options.createParents === true ? '1' : '0', options.ifAbsent === true ? '1' : '0'];
        const name = `.boxyard-${randomUUID()}`;
        const hash = createHash('sha256');
        let sizeBytes = 0;
        let staged = false;
        let held: Bytes[] = [];
        let heldBytes = 0;
        const stage = async () => {
          staged = true;
          const stdin = joined(held);
          held = [];
          heldBytes = 0;
          const result = await this.#run('stage', at, [...parts, name], left(), { stdin });
          if (result.exitCode !== 0) throw fileRefusal(result.exitCode, what);
          progress();
        };
        try {
          for await (const chunk of chunksOf(content, signal, what)) {
            hash.update(chunk);
            sizeBytes += chunk.length;
            held.push(chunk.slice());
            heldBytes += chunk.length;
            if (heldBytes >= STAGE_BYTES) await stage();
          }
          const sha256 = hash.digest('hex');
          if (options.expectedSha256 !== undefined && options.expectedSha256.toLowerCase() !== sha256) {
            throw new SandboxError(
              'invalid',
              `${what} was refused: its content is not what its digest says. Send it again.`,
              { started: 'no' },
            );
          }
          const mode = options.mode === undefined ? '-' : options.mode.toString(8);
          const version = options.ifVersion === undefined ? '-' : scriptVersionOf(options.ifVersion);
          const words = [name, mode, version, String(sizeBytes)];
          const written = await this.#change(() =>
            staged
              ? stage().then(() => this.#run('commit', at, [parts[1] ?? '0', ...words], left()))
              : this.#run('put', at, [...parts, ...words], left(), { stdin: joined(held) }),
          );
          staged = false;
          if (written.exitCode === FILE_EXITS.changed) throw changedBefore(what);
          if (written.exitCode !== 0) throw fileRefusal(written.exitCode, what);
          const facts = new TextDecoder().decode(written.stdout).trim();
          const digest = sizeBytes <= DIGEST_LIMIT_BYTES;
          return { sizeBytes, version: digest ? `sha256-${sha256}` : versionOf(facts) };
        } finally {
          if (staged) await this.#run('drop', at, [name], {}).catch(() => undefined);
        }
      });
    } catch (error) {
      // Whoever feeds the stream learns that nobody takes more of it.
      if (content instanceof ReadableStream && !content.locked) content.cancel(error).catch(() => undefined);
      throw error;
    }
  }

  version(path: string, options: CallOptions = {}): Promise<string | null> {
    return this.#call(options, 'Reading the version of', path, async (at, what, left) => {
      const { exitCode, stdout } = await this.#run('version', at, [], left());
      if (exitCode === FILE_EXITS.missing) return null;
      if (exitCode !== 0) throw fileRefusal(exitCode, what);
      const text = new TextDecoder().decode(stdout);
      return text === '-' ? null : versionOf(text);
    });
  }

  stat(path: string, options: CallOptions = {}): Promise<FileEntry | null> {
    return this.#call(options, 'Looking at', path, async (at, what, left) => {
      const { exitCode, stdout } = await this.#run('stat', at, [], left());
      if (exitCode === FILE_EXITS.missing) return null;
      if (exitCode !== 0) throw fileRefusal(exitCode, what);
      const text = new TextDecoder().decode(stdout);
      const end = text.indexOf('\n');
      const target = text.length > end + 1 ? text.slice(end + 1, -1) : null;
      const entry = entryOf(at, splitPath(at)?.name ?? '', text.slice(0, end), target);
      if (entry === null) throw fileRefusal(null, what);
      return entry;
    });
  }

  list(path: string, options: CallOptions = {}): Promise<readonly FileEntry[]> {
    return this.#call(options, 'Listing', path, async (at, what, left) => {
      for (let attempt = 1; ; attempt++) {
        const { exitCode, stdout } = await this.#run('list', at, [], left(), { most: MOST_LISTING_BYTES });
        const entries = exitCode === 0 ? parseListing(at, new TextDecoder().decode(stdout)) : null;
        if (entries !== null) return entries;
        // Names that came or went between the two looks at the folder.
        const passing = exitCode === 0 || exitCode === FILE_EXITS.changed;
        if (!passing || attempt === MOST_TRIES) throw fileRefusal(passing ? null : exitCode, what);
      }
    });
  }

  async move(
    from: string,
    to: string,
    options: CallOptions & { readonly overwrite?: boolean; readonly createParents?: boolean } = {},
  ): Promise<void> {
    const target = checkRelativePath(to);
    await this.#call(options, 'Moving', from, async (at, what, left) => {
      if (at === '' || target === '') throw refusedRoot(what);
      if (target.startsWith(`${at}/`)) {
        throw new SandboxError(
          'invalid',
          `${what} is refused: it cannot go into itself. Choose another target.`,
          {
            started: 'no',
          },
        );
      }
      const words = [
        target,
        options.overwrite === true ? '1' : '0',
        options.createParents === true ? '1' : '0',
      ];
      await this.#done('move', at, words, what, left());
    });
  }

  async remove(path: string, options: CallOptions & { readonly recursive?: boolean } = {}): Promise<void> {
    await this.#call(options, 'Removing', path, async (at, what, left) => {
      if (at === '') throw refusedRoot(what);
      await this.#done('remove', at, [options.recursive === true ? '1' : '0'], what, left());
    });
  }

  async mkdir(path: string, options: CallOptions & { readonly recursive?: boolean } = {}): Promise<void> {
    await this.#call(options, 'Making', path, (at, what, left) =>
      this.#done('mkdir', at, [options.recursive === true ? '1' : '0'], what, left()),
    );
  }

  async #done(
    verb: string,
    at: string,
    words: readonly string[],
    what: string,
    call: CallOptions,
  ): Promise<void> {
    const { exitCode } = await this.#change(() => this.#run(verb, at, words, call));
    if (exitCode !== 0) throw fileRefusal(exitCode, what);
  }

  #change<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#changing.then(run, run);
    this.#changing = turn.catch(() => undefined);
    return turn;
  }

  #run(
    verb: string,
    at: string,
    words: readonly string[],
    call: CallOptions,
    { stdin, most }: { readonly stdin?: Bytes; readonly most?: number } = {},
  ): Promise<ExecResult> {
    const program = { argv: this.#argv(verb, at, words) };
    return this.#runner.exec({ program, stdin, maxOutputBytes: most }, call);
  }

  #argv(verb: string, at: string, words: readonly string[]): readonly [string, ...string[]] {
    return ['/bin/sh', '-c', FILES_SCRIPT, 'files', this.#root, verb, at, ...words];
  }

  async #call<T>(
    options: CallOptions,
    doing: string,
    path: string,
    run: (
      at: string,
      what: string,
      left: () => Calling,
      signal: AbortSignal,
      progress: () => void,
    ) => Promise<T>,
  ): Promise<T> {
    const at = checkRelativePath(path);
    const what = `${doing} ${at === '' ? 'the workspace root' : JSON.stringify(at)}`;
    return bounded(options, what, (signal, call) => run(at, what, call.left, signal, call.progress));
  }
}

function chunksOf(
  content: Bytes | ReadableStream<Bytes>,
  signal: AbortSignal,
  what: string,
): AsyncIterable<Bytes> | readonly Bytes[] {
  return content instanceof Uint8Array ? [content] : streamChunks(content, signal, what);
}

const joined = (parts: readonly Bytes[]): Bytes => new Uint8Array(Buffer.concat(parts));

function checkRange({ offset = 0, length }: FileRange): {
  readonly offset: number;
  readonly length: number | null;
} {
  for (const number of [offset, length ?? 0]) {
    if (Number.isSafeInteger(number) && number >= 0) continue;
    throw new SandboxError(
      'invalid',
      'Reading is refused: the range is no range. Give whole numbers from 0 on.',
      {
        started: 'no',
      },
    );
  }
  return { offset, length: length ?? null };
}

function checkMode(mode: number | undefined): void {
  if (mode === undefined || (Number.isInteger(mode) && mode >= 0 && mode <= 0o7777)) return;
  throw new SandboxError('invalid', 'Writing is refused: the mode is none. Give permission bits.', {
    started: 'no',
  });
}

function tooLarge(what: string, maxBytes: number): SandboxError {
  return new SandboxError(
    'too-large',
    `${what} is refused: it has more than ${maxBytes} bytes. Read a range, or open it as a stream.`,
    { started: 'no' },
  );
}

function changedBefore(what: string): SandboxError {
  return new SandboxError(
    'precondition-failed',
    `${what} is refused: the file is not of the version that was named. Read it again.`,
    { started: 'no' },
  );
}

function refusedRoot(what: string): SandboxError {
  return new SandboxError('invalid', `${what} is refused: the root stays. Name something in it.`, {
    started: 'no',
  });
}
