import { createHash } from 'node:crypto';
import {
  type BoundedCall,
  type BoxFiles,
  type Bytes,
  bounded,
  type CallOptions,
  checkRelativePath,
  closedHandle,
  type FileEntry,
  type FileRange,
  fenceWords,
  joinPath,
  type OpenedFile,
  SandboxError,
  throwIfAborted,
  type WriteOptions,
  type WrittenFile,
} from '@boxyard/sandbox-core';
import type { ContentInbox } from './content-inbox.ts';
import type { OpenBoxStream } from './exec-stream.ts';
import { checkDigest, checkMode, checkRange, isFolder, isRoot, tooLarge } from './file-arguments.ts';
import { dateOf, kindOfMode, nanoseconds, parseFacts, statVersion } from './file-facts.ts';
import { expectText, fileFailure } from './file-failure.ts';
import { openRange, readRange, readWhole } from './file-reading.ts';
import { receiveContent } from './file-writing.ts';
import type { FilesLink, FilesPlace } from './files-link.ts';
import { hashedContent } from './hashed-content.ts';
import { judgedStream } from './judged-stream.ts';
import { type ListedName, parseListing } from './tree-listing.ts';

/** One answer of the channel holds at most this; more goes through a command of its own. */
export const BLOCK_BYTES = 1024 * 1024;
/** Up to here a version is the content's digest. */
export const MAX_HASHED_BYTES = 8 * 1024 * 1024;
/** What `read` holds in memory at most when its caller names no bound. */
const DEFAULT_MAX_READ_BYTES = 256 * 1024 * 1024;

export interface ShellFilesOptions {
  readonly place: FilesPlace;
  readonly link: FilesLink;
  readonly openStream: OpenBoxStream;
  readonly inbox: ContentInbox;
  /** Says of what failed whether the box itself is gone. */
  readonly judge: <T>(call: Promise<T>) => Promise<T>;
}

/** The files of a box that is reached through shells in it: small ones by the channel, large ones as streams. */
export class ShellFiles implements BoxFiles {
  readonly #options: ShellFilesOptions;
  readonly #link: FilesLink;
  readonly #epoch: number;
  #closed = false;
  #listing: Promise<unknown> = Promise.resolve();
  #staged = 0;

  constructor(options: ShellFilesOptions) {
    this.#options = options;
    this.#link = options.link;
    this.#epoch = options.place.epoch;
  }

  read(path: string, options: CallOptions & FileRange & { readonly maxBytes?: number } = {}): Promise<Bytes> {
    return this.call(options, 'Reading', path, async (at, what, signal) => {
      const range = checkRange(options);
      const mostBytes = options.maxBytes ?? DEFAULT_MAX_READ_BYTES;
      const reply = await this.#link.request('read', [
        at,
        String(range.offset),
        range.length === null ? '-' : String(range.length),
        String(Math.min(BLOCK_BYTES, mostBytes)),
      ]);
      if (reply.kind === 'bytes') return reply.bytes;
      const large = /^(\d{1,15}) \d{1,15}$/.exec(reply.status === 20 ? reply.text : '');
      if (large === null) throw fileFailure(reply, what, this.#epoch);
      if (Number(large[1]) > mostBytes) throw tooLarge(Number(large[1]), mostBytes);
      return readRange(this.#options, at, range, what, signal);
    });
  }

  open(path: string, options: CallOptions & FileRange = {}): Promise<OpenedFile> {
    return this.call(options, 'Opening', path, async (at, what, signal) => {
      const range = checkRange(options);
      const reply = await this.#link.request('read', [at, '0', '-', String(BLOCK_BYTES)]);
      const small = reply.kind === 'bytes' ? reply.bytes : null;
      const large = reply.kind === 'status' && reply.status === 20;
      if (small === null && !large) throw fileFailure(reply, what, this.#epoch);
      const size =
        small?.length ?? Number(/ (\d{1,15})$/.exec(reply.kind === 'status' ? reply.text : '')?.[1]);
      if (small === null && !(size <= MAX_HASHED_BYTES)) {
        const signals = { opening: signal, reading: options.signal };
        const opened = await openRange(this.#options, at, range, what, signals);
        return { ...opened, stream: judgedStream(opened.stream, this.#options.judge) };
      }
      const content = small ?? (await readWhole(this.#options, at, what, signal));
      const end = range.length === null ? content.length : range.offset + range.length;
      return {
        stream: streamOf(content.subarray(range.offset, end)),
        version: contentVersion(createHash('sha256').update(content).digest('hex')),
        sizeBytes: content.length,
      };
    });
  }

  async write(
    path: string,
    content: Bytes | ReadableStream<Bytes>,
    options: WriteOptions = {},
  ): Promise<WrittenFile> {
    try {
      return await this.call(options, 'Writing', path, async (at, what, signal, { progress }) => {
        checkMode(options.mode);
        if (at === '') throw isFolder(what);
        const fence = fenceWords(options.fence);
        // Before anything of a stream is taken: who is refused may send it elsewhere.
        if (content instanceof ReadableStream)
          expectText(await this.#link.request('may', [fence]), what, this.#epoch);
        const received = await receiveContent(content, {
          smallBytes: BLOCK_BYTES,
          announcedBytes: options.sizeBytes,
          signal,
          what,
          progress,
        });
        const number = String(++this.#staged);
        const target = (staged: string, length: string, sizeBytes: number) => [
          staged,
          length,
          at,
          options.mode === undefined ? '-' : options.mode.toString(8),
          `-${options.createParents === true ? 'p' : ''}${options.ifAbsent === true ? 'a' : ''}`,
          options.ifVersion ?? '',
          String(sizeBytes),
          fence,
        ];
        if (received.kind === 'small') {
          const { bytes } = received;
          const sha256 = createHash('sha256').update(bytes).digest('hex');
          checkDigest(options.expectedSha256, sha256, what);
          const reply = await this.#link.request(
            'write',
            target(number, String(bytes.length), bytes.length),
            bytes,
          );
          this.#expectWritten(reply, what);
          return { sizeBytes: bytes.length, version: contentVersion(sha256) };
        }
        // What can be refused without the content is refused before it is sent.
        await this.#judgeTarget(at, what);
        const most = options.expectedSha256 === undefined ? MAX_HASHED_BYTES : Number.POSITIVE_INFINITY;
        const taken = hashedContent(received, most, () => {
          throwIfAborted(signal, what);
          progress();
        });
        const put = { content: taken.chunks, sizeBytes: received.sizeBytes, mode: 0o644, signal };
        const { inbox } = this.#options;
        return inbox.put(put, async (files) => {
          try {
            const sha256 = taken.sha256();
            const sizeBytes = taken.sizeBytes();
            if (sha256 !== null) checkDigest(options.expectedSha256, sha256, what);
            const [first, ...more] = files;
            const reply = await this.#link.request('write', [...target(first, '-', sizeBytes), ...more]);
            const facts = parseFacts(this.#expectWritten(reply, what));
            if (sha256 !== null && sizeBytes <= MAX_HASHED_BYTES)
              return { sizeBytes, version: contentVersion(sha256) };
            if (facts === null) throw strange(what);
            return { sizeBytes, version: statVersion(facts) };
          } catch (error) {
            await inbox.drop(files);
            throw error;
          }
        });
      });
    } catch (error) {
      // Whoever feeds the stream learns that nobody takes more of it.
      if (content instanceof ReadableStream && !content.locked) content.cancel(error).catch(() => undefined);
      throw error;
    }
  }

  version(path: string, options: CallOptions = {}): Promise<string | null> {
    return this.call(options, 'Reading the version of', path, async (at, what) => {
      const reply = await this.#link.request('version', [at]);
      if (reply.kind === 'status' && (reply.status === 2 || reply.status === 5)) return null;
      const text = expectText(reply, what, this.#epoch);
      if (/^sha256-[0-9a-f]{64}$/.test(text)) return text;
      const facts = text.startsWith('st ') ? parseFacts(text.slice(3)) : null;
      if (facts === null) throw strange(what);
      return statVersion(facts);
    });
  }

  stat(path: string, options: CallOptions = {}): Promise<FileEntry | null> {
    return this.call(options, 'Looking at', path, async (at, what) => {
      const reply = await this.#link.request('stat', [at]);
      if (reply.kind === 'status' && (reply.status === 2 || reply.status === 5)) return null;
      const text = expectText(reply, what, this.#epoch);
      const [, raw, size, seconds, fraction] =
        /^([0-9a-f]{1,8}) (\d{1,15}) (-?\d{1,12})(?:\.(\d{1,10}))? \d{1,20}$/.exec(text) ?? [];
      if (raw === undefined || seconds === undefined) throw strange(what);
      const mode = Number.parseInt(raw, 16);
      const kind = kindOfMode(mode);
      const target = kind === 'symlink' ? await this.#target(at) : null;
      // Exchanged between the two questions: what it was is not there any more.
      if (kind === 'symlink' && target === null) return null;
      return {
        name: at.slice(at.lastIndexOf('/') + 1),
        path: at,
        kind,
        sizeBytes: Number(size),
        mode: mode & 0o7777,
        modifiedAt: dateOf(nanoseconds(seconds, fraction)),
        ...(target === null ? {} : { target }),
      };
    });
  }

  list(path: string, options: CallOptions = {}): Promise<readonly FileEntry[]> {
    return this.call(options, 'Listing', path, async (at, what, signal) => {
      const names = await this.names(at, '1', what, signal);
      return names.map((one) => ({
        name: one.path,
        path: joinPath(at, one.path),
        // No text leads back to a name that is no UTF-8, so whatever it is, it can only be shown.
        kind: one.isText ? one.kind : 'other',
        sizeBytes: one.sizeBytes,
        mode: one.kind === 'symlink' ? 0o777 : one.mode,
        modifiedAt: dateOf(one.mtimeNs),
        ...(one.target === null || !one.isText ? {} : { target: one.target }),
      }));
    });
  }

  move(
    from: string,
    to: string,
    options: CallOptions & { readonly overwrite?: boolean; readonly createParents?: boolean } = {},
  ): Promise<void> {
    return this.call(options, 'Moving', from, async (source, what) => {
      const target = checkRelativePath(to);
      if (source === '' || target === '') throw isRoot(what);
      if (target.startsWith(`${source}/`)) {
        throw new SandboxError(
          'invalid',
          `${what} failed: it cannot go into itself. Choose another target.`,
          {
            started: 'no',
          },
        );
      }
      const flag = (set: boolean | undefined) => (set === true ? '1' : '0');
      const flags = [flag(options.overwrite), flag(options.createParents)];
      const args = [source, target, ...flags, fenceWords(options.fence)];
      expectText(await this.#link.request('move', args), what, this.#epoch);
    });
  }

  remove(path: string, options: CallOptions & { readonly recursive?: boolean } = {}): Promise<void> {
    return this.call(options, 'Removing', path, async (at, what) => {
      if (at === '') throw isRoot(what);
      const args = [at, options.recursive === true ? '1' : '0', fenceWords(options.fence)];
      expectText(await this.#link.request('remove', args), what, this.#epoch);
    });
  }

  mkdir(path: string, options: CallOptions & { readonly recursive?: boolean } = {}): Promise<void> {
    return this.call(options, 'Making the folder', path, async (at, what) => {
      if (at === '' && options.recursive !== true) {
        throw new SandboxError('conflict', `${what} failed: the name exists already. Choose another.`, {
          started: 'no',
        });
      }
      const args = [at, options.recursive === true ? '1' : '0', fenceWords(options.fence)];
      expectText(await this.#link.request('mkdir', args), what, this.#epoch);
    });
  }

  /** Names of one folder (`1`) or of everything below it (`-`). One list at a time: its file is there once. */
  names(path: string, depth: '1' | '-', what: string, signal: AbortSignal): Promise<readonly ListedName[]> {
    return this.alone(() => this.#names(path, depth, what, signal));
  }

  /** One after the other, for requests that use the same file in the box. */
  alone<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#listing.then(run);
    this.#listing = turn.catch(() => undefined);
    return turn;
  }

  /** @throws SandboxError `closed`. */
  ensureOpen(): void {
    if (this.#closed) throw closedHandle();
  }

  close(): void {
    this.#closed = true;
  }

  async #names(
    path: string,
    depth: '1' | '-',
    what: string,
    signal: AbortSignal,
  ): Promise<readonly ListedName[]> {
    signal.throwIfAborted();
    return this.#link.session(async (link) => {
      const reply = await link.request('list', [path, depth]);
      const parts: Bytes[] = [];
      if (reply.kind === 'bytes') parts.push(reply.bytes);
      else if (reply.status === 20 && /^\d{1,15}$/.test(reply.text)) {
        const size = Number(reply.text);
        for (let at = 0; at < size; at += BLOCK_BYTES) {
          signal.throwIfAborted();
          const part = await link.request('take', [String(at), String(Math.min(BLOCK_BYTES, size - at))]);
          if (part.kind !== 'bytes') throw strange(what);
          parts.push(part.bytes);
        }
      } else throw fileFailure(reply, what, this.#epoch);
      const names = parseListing(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
      if (names === null) throw strange(what);
      return names;
    });
  }

  async #target(path: string): Promise<string | null> {
    const reply = await this.#link.request('link', [path]);
    return reply.kind === 'bytes' ? Buffer.from(reply.bytes).toString('utf8') : null;
  }

  /** A folder in the place of the file is told before a long content is sent in vain. */
  async #judgeTarget(path: string, what: string): Promise<void> {
    const reply = await this.#link.request('stat', [path]);
    if (reply.kind === 'status' && [0, 2].includes(reply.status)) {
      const raw = Number.parseInt(reply.text.split(' ')[0] ?? '', 16);
      if (reply.status === 0 && kindOfMode(raw) === 'dir') throw isFolder(what);
      return;
    }
    throw fileFailure(reply, what, this.#epoch);
  }

  #expectWritten(reply: Parameters<typeof expectText>[0], what: string): string {
    if (reply.kind === 'status' && reply.status === 11) {
      const present = /^(?:sha256-[0-9a-f]{64}|st-[-\d]+)$/.test(reply.text) ? reply.text : null;
      throw new SandboxError(
        'precondition-failed',
        `${what} is refused: ${present === null ? 'it does not exist' : `its version is ${present}`}. Read it again and repeat the change.`,
        { started: 'no' },
      );
    }
    return expectText(reply, what, this.#epoch);
  }

  /** A bounded call on an open handle, with its path checked. */
  protected async call<T>(
    options: CallOptions,
    doing: string,
    path: string,
    run: (at: string, what: string, signal: AbortSignal, call: BoundedCall) => Promise<T>,
  ): Promise<T> {
    this.ensureOpen();
    const at = checkRelativePath(path);
    const what = `${doing} ${JSON.stringify(at)}`;
    return this.#options.judge(bounded(options, what, (signal, call) => run(at, what, signal, call)));
  }
}

const contentVersion = (sha256: string) => `sha256-${sha256}`;

function streamOf(bytes: Bytes): ReadableStream<Bytes> {
  return new ReadableStream<Bytes>({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}

function strange(what: string): SandboxError {
  return new SandboxError('unreachable', `${what} failed: the box answered nonsense; open it again.`);
}
