import { randomUUID } from 'node:crypto';
import {
  type BoxArchives,
  type Bytes,
  bounded,
  checkRelativePath,
  type FileReading,
  fenceWords,
  joinPath,
  type PackedArchive,
  type PackOptions,
  packArchive,
  readArchive,
  SandboxError,
  throwIfAborted,
  type UnpackOptions,
  type UnpackReport,
} from '@boxyard/sandbox-core';
import { type BoxStream, exitCodeOf, notTaken } from './exec-stream.ts';
import { expectText, fileFailure } from './file-failure.ts';
import { parseLine } from './file-reading.ts';
import { placeArguments } from './files-link.ts';
import { PACK_STREAM, UNPACK_STREAM } from './files-script.ts';
import { judgedStream } from './judged-stream.ts';
import type { ShellFiles, ShellFilesOptions } from './shell-files.ts';
import { tarItems } from './tar-items.ts';
import { TarWriter } from './tar-writer.ts';
import { type ListedName, parseListing } from './tree-listing.ts';

/** How long a given-up tar gets to notice that nobody sends any more. */
const END_WAIT_MS = 2000;

/** Archives of a box by its own tar; what goes in and what comes out is judged here. */
export class ShellArchives implements BoxArchives {
  readonly #options: ShellFilesOptions;
  readonly #files: ShellFiles;

  constructor(options: ShellFilesOptions, files: ShellFiles) {
    this.#options = options;
    this.#files = files;
  }

  /** The deadline bounds the opening; the signal also ends the stream. */
  pack(options: PackOptions = {}): Promise<PackedArchive> {
    const { place, openStream, judge } = this.#options;
    const packing = async () => {
      this.#files.ensureOpen();
      const path = checkRelativePath(options.path ?? '');
      const what = `Packing ${JSON.stringify(path)}`;
      return bounded(options, what, async (signal) => {
        const listed = await this.#files.names(path, '-', what, signal);
        const argv = ['/bin/sh', '-c', PACK_STREAM, 'boxyard', ...placeArguments(place), path] as const;
        const stream = await openStream(argv, signal);
        const stop = () => stream.destroy();
        signal.addEventListener('abort', stop, { once: true });
        try {
          const reply = parseLine((await stream.lines[Symbol.asyncIterator]().next()).value, 0);
          throwIfAborted(signal, what);
          if (reply === null) throw brokeOff(what);
          expectText(reply, what, place.epoch);
        } catch (error) {
          stream.destroy();
          throw error;
        } finally {
          signal.removeEventListener('abort', stop);
        }
        const items = tarItems({
          listed,
          tar: stream.stdout,
          facts: (paths) => this.#facts(path, paths, what),
          read: (file) => this.#read(joinPath(path, file)),
        });
        const { compression } = options;
        const packed = packArchive(items, { compression, signal: options.signal });
        const manifest = judge(packed.manifest);
        manifest.then(stop, stop);
        return { stream: judgedStream(packed.stream, judge), manifest };
      });
    };
    return judge(packing());
  }

  async unpack(archive: ReadableStream<Bytes>, options: UnpackOptions): Promise<UnpackReport> {
    const { judge } = this.#options;
    try {
      this.#files.ensureOpen();
      const path = checkRelativePath(options.path ?? '');
      const what = `Unpacking to ${JSON.stringify(path)}`;
      return await judge(
        bounded(options, what, (signal, { progress }) =>
          this.#unpack(path, archive, options, what, signal, progress),
        ),
      );
    } catch (error) {
      if (!archive.locked) archive.cancel(error).catch(() => undefined);
      throw error;
    }
  }

  /** Into a folder beside the workspace; only what was judged whole takes the place of anything. */
  async #unpack(
    path: string,
    archive: ReadableStream<Bytes>,
    options: UnpackOptions,
    what: string,
    signal: AbortSignal,
    progress: () => void,
  ): Promise<UnpackReport> {
    const { place, openStream, link } = this.#options;
    const fence = fenceWords(options.fence);
    expectText(await link.request('may', [fence]), what, place.epoch);
    await this.#judgeFolder(path, what);
    const staged = `x.${randomUUID()}`;
    const argv = ['/bin/sh', '-c', UNPACK_STREAM, 'boxyard', `${place.stageDir}/${staged}`] as const;
    let opened: BoxStream | null = null;
    const stop = () => opened?.destroy();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const keepSetId = options.allowOutwardLinks === true;
      const write = async (bytes: Bytes) => {
        progress();
        // Not before there is something to write: what is no archive at all costs the box nothing.
        opened ??= await openStream(argv, signal);
        throwIfAborted(signal, what);
        const stream = opened;
        await stream.write(bytes).catch(async (cause: unknown) => {
          throwIfAborted(signal, what);
          throw await notTaken(stream, what, cause);
        });
      };
      const writer = new TarWriter({ write, keepSetId });
      const { limits, allowOutwardLinks } = options;
      const { manifest } = await readArchive(archive, { limits, allowOutwardLinks, signal }, (member) =>
        writer.add(member),
      );
      await writer.finish();
      if (opened !== null) await ended(opened, what, signal);
      const mode = options.mode === 'merge' ? 'm' : 'r';
      const reply = await link.request('exchange', [staged, path, mode, fence]);
      if (reply.kind === 'status' && reply.status === 21) throw doesNotFit(what, reply.text);
      expectText(reply, what, place.epoch);
      const files = manifest.entries.filter((entry) => entry.kind === 'file');
      const sizeBytes = files.reduce((sum, entry) => sum + entry.sizeBytes, 0);
      return { files: files.length, sizeBytes, manifest };
    } catch (error) {
      stop();
      if (opened !== null) await this.#drop(opened, staged);
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
      stop();
    }
  }

  /** A folder that could not be exchanged is told before anything is sent. Missing is fine: it is made. */
  async #judgeFolder(path: string, what: string): Promise<void> {
    const { link, place } = this.#options;
    const reply = await link.request('folder', [path]);
    if (reply.kind === 'status' && (reply.status === 0 || reply.status === 2)) return;
    throw fileFailure(reply, what, place.epoch);
  }

  /** Not longer than a moment: what a frozen box keeps is removed when its files are opened later. */
  async #drop(stream: BoxStream, staged: string): Promise<void> {
    const dropping = async () => {
      await exitCodeOf(stream);
      await this.#options.link.request('drop', [staged]);
    };
    await bounded({ deadlineMs: END_WAIT_MS }, 'Dropping', dropping).catch(() => undefined);
  }

  async #facts(
    base: string,
    paths: readonly string[],
    what: string,
  ): Promise<ReadonlyMap<string, ListedName>> {
    const names = new Uint8Array(Buffer.from(paths.map((path) => `./${path}\0`).join('')));
    const { link, place } = this.#options;
    const reply = await this.#files.alone(() => link.request('facts', [base, String(names.length)], names));
    // The folder itself may be gone meanwhile: then so is everything in it.
    if (reply.kind === 'status') {
      if (reply.status === 2 || reply.status === 5) return new Map();
      throw fileFailure(reply, what, place.epoch);
    }
    const present = parseListing(reply.bytes);
    if (present === null) throw brokeOff(what);
    return new Map(present.map((one) => [one.path, one]));
  }

  /** One file by itself, when the tar did not bring it as it is. */
  async #read(path: string): Promise<FileReading | 'gone' | 'unreadable'> {
    const what = `Reading ${JSON.stringify(path)}`;
    const look = async () => (await this.#facts('', [path], what)).get(path);
    try {
      const before = await look();
      if (before === undefined || before.kind !== 'file') return 'gone';
      let left: Bytes | null = await this.#files.read(path);
      const sizeBytes = left.length;
      return {
        sizeBytes,
        mode: before.mode,
        mtimeNs: before.mtimeNs,
        next: async () => {
          const bytes = left;
          left = null;
          return bytes === null || bytes.length === 0 ? null : bytes;
        },
        changed: async () => {
          const after = await look();
          return (
            after === undefined ||
            after.sizeBytes !== sizeBytes ||
            after.mtimeNs !== before.mtimeNs ||
            after.ctimeNs !== before.ctimeNs ||
            after.inode !== before.inode
          );
        },
        close: async () => undefined,
      };
    } catch (error) {
      if (SandboxError.hasCode(error, 'not-found') || SandboxError.hasCode(error, 'invalid')) return 'gone';
      if (SandboxError.hasCode(error, 'denied') || SandboxError.hasCode(error, 'conflict'))
        return 'unreadable';
      throw error;
    }
  }
}

/** All of it arrived, or nothing of it counts. */
async function ended(stream: BoxStream, what: string, signal: AbortSignal): Promise<void> {
  stream.end();
  for await (const _ of stream.stdout);
  throwIfAborted(signal, what);
  if ((await exitCodeOf(stream)) !== 0) throw await notTaken(stream, what);
}

function doesNotFit(what: string, path: string): SandboxError {
  return new SandboxError(
    'invalid',
    `${what} is refused: ${JSON.stringify(path)} is a folder only in one of archive and workspace. Remove one of them.`,
  );
}

function brokeOff(what: string): SandboxError {
  return new SandboxError('unreachable', `${what} failed: the box broke off. Try again.`);
}
