// Writing a file of a bare box: small ones by the shell's own printf, larger ones through the inbox, and for an image
// that cannot even rename a file as a script that prints it.
import { createHash } from 'node:crypto';
import {
  type BoundedCall,
  type Bytes,
  fenceWords,
  SandboxError,
  throwIfAborted,
  type WriteOptions,
  type WrittenFile,
} from '@boxyard/sandbox-core';
import { WORKSPACE } from '../container-request.ts';
import type { Engine } from '../engine.ts';
import { statArchived } from '../engine-archive.ts';
import type { ContentInbox, InboxFiles } from '../shell-files/content-inbox.ts';
import { checkDigest, checkMode, isFolder } from '../shell-files/file-arguments.ts';
import { expectText } from '../shell-files/file-failure.ts';
import { type Received, receiveContent } from '../shell-files/file-writing.ts';
import type { FilesLink } from '../shell-files/files-link.ts';
import { hashedContent } from '../shell-files/hashed-content.ts';
import { MAX_HASHED_BYTES } from '../shell-files/shell-files.ts';
import { asScript, asText } from './bare-content.ts';
import { type BarePlaces, factsVersion } from './bare-places.ts';
import { type FewTools, needTools } from './few-tools.ts';

export interface BareWriterOptions {
  readonly engine: Engine;
  readonly container: string;
  readonly link: FilesLink;
  readonly inbox: ContentInbox;
  readonly places: BarePlaces;
  readonly epoch: number;
  readonly tools: FewTools;
  /** One at a time: a version that was looked at is still that version when the content takes its place. */
  readonly alone: <T>(run: () => Promise<T>) => Promise<T>;
}

/** One write under way. */
interface Write {
  readonly at: string;
  readonly what: string;
  readonly options: WriteOptions;
  readonly signal: AbortSignal;
  readonly progress: BoundedCall['progress'];
}

interface Target {
  /** Relative to the workspace. */
  readonly path: string;
  readonly mode: number;
}

/** More goes through the archive API: a shell reads byte for byte. */
const SMALL_BYTES = 8 * 1024;
/** Content of an unknown length for an image that cannot join its parts. */
const MOST_HELD_BYTES = 64 * 1024 * 1024;

export class BareWriter {
  readonly #options: BareWriterOptions;

  constructor(options: BareWriterOptions) {
    this.#options = options;
  }

  async write(content: Bytes | ReadableStream<Bytes>, write: Write): Promise<WrittenFile> {
    const { at, what, options, signal, progress } = write;
    checkMode(options.mode);
    if (at === '') throw isFolder(what);
    const { link, epoch, alone } = this.#options;
    const fence = fenceWords(options.fence);
    expectText(await link.request('may', [fence]), what, epoch);
    const received = await receiveContent(content, { smallBytes: SMALL_BYTES, signal, what, progress });
    if (received.kind === 'large') return this.#large(received, write);
    const { bytes } = received;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    checkDigest(options.expectedSha256, sha256, what);
    return alone(async () => {
      const { path, mode } = await this.#target(write);
      const words = [path, mode.toString(8), flagsOf(options), fence, asText(bytes)];
      expectText(await link.request('put', words), what, epoch);
      return { sizeBytes: bytes.length, version: `sha256-${sha256}` };
    });
  }

  /** Whole in the inbox before it takes the place of anything. */
  async #large(received: Received & { readonly kind: 'large' }, write: Write): Promise<WrittenFile> {
    const { what, options, signal, progress } = write;
    const { inbox, tools } = this.#options;
    // What can be refused without the content is refused before it is sent.
    const { mode } = await this.#target(write);
    const taken = hashedContent(received, Number.POSITIVE_INFINITY, () => {
      throwIfAborted(signal, what);
      progress();
    });
    const check = () => checkDigest(options.expectedSha256, taken.sha256() ?? '', what);
    const placed = async (verb: 'adopt' | 'pour', files: InboxFiles): Promise<WrittenFile> => {
      try {
        check();
        const sizeBytes = taken.sizeBytes();
        const place = await this.#place(verb, files, write);
        if (sizeBytes <= MAX_HASHED_BYTES) return { sizeBytes, version: `sha256-${taken.sha256()}` };
        const facts = await statArchived(this.#options.engine, this.#options.container, place);
        if (facts === null) throw this.#options.places.failure(15, what);
        return { sizeBytes, version: factsVersion(facts) };
      } catch (error) {
        await inbox.drop(files);
        throw error;
      }
    };
    if (canMove(tools)) {
      // Parts have to be joined by a program.
      const joins = received.sizeBytes !== null || tools.has('cat');
      const whole = joins ? null : await heldWhole(taken.chunks, what);
      const content = whole === null ? taken.chunks : once(whole);
      const sizeBytes = whole?.length ?? received.sizeBytes;
      return inbox.put({ content, sizeBytes, mode, signal }, (files) => placed('adopt', files));
    }
    const script = asScript(await heldWhole(taken.chunks, what));
    const put = { content: once(script), sizeBytes: script.length, mode: 0o600, signal };
    return inbox.put(put, (files) => placed('pour', files));
  }

  #place(verb: 'adopt' | 'pour', files: InboxFiles, write: Write): Promise<string> {
    const { link, epoch, alone } = this.#options;
    const { what, options } = write;
    const fence = fenceWords(options.fence);
    return alone(async () => {
      const { path, mode } = await this.#target(write);
      const words = verb === 'adopt' ? [path, mode.toString(8), flagsOf(options)] : [path, flagsOf(options)];
      expectText(await link.request(verb, [...words, fence, ...files]), what, epoch);
      return `${WORKSPACE}/${path}`;
    });
  }

  /** Where content is to go, and with which mode; refused here if it can be refused without it. */
  async #target({ at, what, options, signal }: Write): Promise<Target> {
    const { tools, engine, container, places } = this.#options;
    throwIfAborted(signal, what);
    const { ifAbsent = false, createParents = false } = options;
    const make = createParents && tools.has('mkdir');
    const place = await places.locate(at, what, { follow: !ifAbsent, make, nothing: [2] });
    if (place === null) {
      if (createParents) needTools(tools, ['mkdir'], 'Making the parents of a file');
      throw places.failure(2, what);
    }
    if (ifAbsent && place.kind !== 'n') throw places.failure(8, what);
    if (place.kind === 'd') throw places.failure(7, what);
    if (options.ifVersion !== undefined) {
      const version = place.kind === 'n' ? null : await places.version(at, what, signal);
      if (version !== options.ifVersion) throw otherVersion(what, version);
    }
    const present = place.kind === 'n' ? null : await statArchived(engine, container, place.path);
    const mode = options.mode ?? present?.mode ?? 0o644;
    if (mode !== (present?.mode ?? 0o644)) needTools(tools, ['chmod'], 'Giving a file a mode');
    return { path: place.path.slice(WORKSPACE.length + 1), mode };
  }
}

const flagsOf = (options: WriteOptions) => (options.ifAbsent === true ? '-a' : '-');

const canMove = (tools: FewTools) => tools.has('mv') && tools.has('rm');

async function heldWhole(chunks: AsyncIterable<Bytes>, what: string): Promise<Bytes> {
  const parts: Bytes[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > MOST_HELD_BYTES) {
      throw new SandboxError(
        'too-large',
        `${what} is refused: the image of the box takes ${MOST_HELD_BYTES} bytes at once. Choose another image.`,
        { started: 'no' },
      );
    }
    parts.push(chunk);
  }
  return new Uint8Array(Buffer.concat(parts));
}

async function* once(bytes: Bytes): AsyncGenerator<Bytes, void, void> {
  yield bytes;
}

function otherVersion(what: string, present: string | null): SandboxError {
  return new SandboxError(
    'precondition-failed',
    `${what} is refused: ${present === null ? 'it does not exist' : `its version is ${present}`}. Read it again and repeat the change.`,
    { started: 'no' },
  );
}
