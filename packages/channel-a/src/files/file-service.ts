import type {
  FsArchiveResponse,
  FsContentResponse,
  FsDeleteRequest,
  FsDeleteResponse,
  FsEntry,
  FsListRequest,
  FsListResponse,
  FsMkdirRequest,
  FsMkdirResponse,
  FsMoveRequest,
  FsMoveResponse,
  FsReadRequest,
  FsReadResponse,
  FsWatchEvent,
  FsWriteRequest,
  FsWriteResponse,
} from '@boxyard/contracts';
import type {
  ArchiveLimits,
  Box,
  Bytes,
  CallOptions,
  Capability,
  ChangeJournal,
  FileEntry,
  WriteOptions,
  WrittenFile,
} from '@boxyard/sandbox-core';
import { checkRelativePath, SandboxError } from '@boxyard/sandbox-core';
import { changeEvents, changeOf, type FsChange, folderChange } from '../changes/change-events.ts';
import type { ChangeRecorder } from '../changes/change-recorder.ts';
import { expectedVersion, type OpenContentRequest, type OpenedContent, openContent } from './file-content.ts';
import { describeEntry, listTree } from './file-tree.ts';
import { watchChanges } from './file-watch.ts';
import { readText } from './read-text.ts';
import { encodeContent } from './text-content.ts';

export interface FileServiceOptions {
  readonly box: Box;
  /** Where every change is recorded; its revision is in the answers. */
  readonly journal: ChangeJournal;
  /** Records what changes in boxes by other means; it is told what this service changes, to tell it once. */
  readonly recorder?: ChangeRecorder | undefined;
}

export interface WriteContentRequest {
  readonly path: string;
  readonly content: ReadableStream<Bytes>;
  /** The `If-Match` header: etags, or `*` for whatever file is there. */
  readonly ifMatch?: string | undefined;
  /** `If-None-Match: *`: only when there is no such file. */
  readonly ifAbsent?: boolean | undefined;
  readonly createParents?: boolean | undefined;
  /** Hex SHA-256 of the body; a difference leaves the old file in place. */
  readonly expectedSha256?: string | undefined;
  /** Of the body, where it is known beforehand. */
  readonly sizeBytes?: number | undefined;
}

/**
 * Files of one live box. A path that is absolute or holds `..` or NUL is `invalid` before the box is asked;
 * where it really leads is judged by the box. Every change is recorded before it is answered, so an answer's
 * revision is one that a reader of the events has been told.
 */
export class FileService {
  readonly #box: Box;
  readonly #journal: ChangeJournal;
  readonly #recorder: ChangeRecorder | undefined;

  constructor(options: FileServiceOptions) {
    this.#box = options.box;
    this.#journal = options.journal;
    this.#recorder = options.recorder;
  }

  /** @throws SandboxError `not-found` for a path that is not there, `invalid` for one that is no directory. */
  async list(request: FsListRequest, options: CallOptions = {}): Promise<FsListResponse> {
    const path = checkRelativePath(request.path);
    const root = await this.#existing(path, 'Listing', options);
    if (root.kind !== 'dir') {
      throw new SandboxError(
        'invalid',
        `Listing ${JSON.stringify(path)}: it is no directory. Read it instead.`,
        {
          started: 'no',
        },
      );
    }
    const tree = await listTree(this.#box.files, root, request, options);
    return { ...tree, revision: await this.#journal.revision() };
  }

  /** @throws SandboxError `not-found`, or what the box's files say. */
  async stat(path: string, options: CallOptions = {}): Promise<FsEntry> {
    return describeEntry(await this.#existing(checkRelativePath(path), 'Describing', options));
  }

  /** Answers base64 where `utf8` was asked for bytes that are no text, and cuts text between characters only. */
  async read(request: FsReadRequest, options: CallOptions = {}): Promise<FsReadResponse> {
    const path = checkRelativePath(request.path);
    const read = await readText(this.#box.files, { ...request, path }, options);
    return { path, ...read, revision: await this.#journal.revision() };
  }

  /**
   * Replaces the whole file in one step.
   *
   * @throws SandboxError `conflict` when it exists and `overwrite` is false, `precondition-failed` when it is
   * not the one of `ifMatch`.
   */
  async write(request: FsWriteRequest, options: CallOptions = {}): Promise<FsWriteResponse> {
    const content = encodeContent(request.content, request.encoding);
    const { path, written, revision } = await this.#write(request.path, content, {
      ...options,
      createParents: request.createParents,
      ifAbsent: !request.overwrite,
      ifVersion: request.ifMatch,
    });
    return { path, sizeBytes: written.sizeBytes, etag: written.version, revision };
  }

  /** Any size, in constant memory. The stream is opened only when the answer hands it out. */
  async openContent(request: OpenContentRequest, options: CallOptions = {}): Promise<OpenedContent> {
    return openContent(this.#box.files, { ...request, path: checkRelativePath(request.path) }, options);
  }

  /** Any size, in constant memory; the old file stays in place until the new one is whole and checked. */
  async writeContent(request: WriteContentRequest, options: CallOptions = {}): Promise<FsContentResponse> {
    const { ifMatch } = request;
    const ifVersion =
      ifMatch === undefined
        ? undefined
        : await expectedVersion(this.#box.files, request.path, ifMatch, options);
    const { written, revision } = await this.#write(request.path, request.content, {
      ...options,
      createParents: request.createParents ?? true,
      ifAbsent: request.ifAbsent,
      ifVersion,
      expectedSha256: request.expectedSha256,
      sizeBytes: request.sizeBytes,
    });
    return { sizeBytes: written.sizeBytes, etag: written.version, revision };
  }

  /** @throws SandboxError `not-found`; `invalid` for a directory with content unless `recursive`. */
  async delete(request: FsDeleteRequest, options: CallOptions = {}): Promise<FsDeleteResponse> {
    const path = checkRelativePath(request.path);
    const before = await this.#existing(path, 'Deleting', options);
    const { recursive } = request;
    await this.#changing([path], () => this.#box.files.remove(path, { ...options, recursive }));
    return { revision: await this.#record([changeOf('deleted', before)]) };
  }

  /** @throws SandboxError `not-found`; `conflict` when `newPath` exists and `overwrite` is false. */
  async move(request: FsMoveRequest, options: CallOptions = {}): Promise<FsMoveResponse> {
    const path = checkRelativePath(request.path);
    const newPath = checkRelativePath(request.newPath);
    const before = await this.#existing(path, 'Moving', options);
    const { overwrite, createParents } = request;
    await this.#changing([path, newPath], () =>
      this.#box.files.move(path, newPath, { ...options, overwrite, createParents }),
    );
    const change: FsChange = { ...changeOf('renamed', before, newPath), oldPath: path };
    return { path, newPath, revision: await this.#record([change]) };
  }

  /** Making a directory that is there already is fine with `recursive`, and no change. */
  async mkdir(request: FsMkdirRequest, options: CallOptions = {}): Promise<FsMkdirResponse> {
    const path = checkRelativePath(request.path);
    const before = path === '' ? null : await this.#box.files.stat(path, options);
    const { recursive } = request;
    await this.#changing([path], () => this.#box.files.mkdir(path, { ...options, recursive }));
    const made = path !== '' && before === null;
    const revision = made
      ? await this.#record([{ path, kind: 'created', isDir: true, sizeBytes: null }])
      : await this.#journal.revision();
    return { path, revision };
  }

  /** A folder as a plain tar. @throws SandboxError `unsupported` where the box has no archives. */
  async packArchive(path: string, options: CallOptions = {}): Promise<ReadableStream<Bytes>> {
    const archives = inBox(this.#box.capabilities.archives, 'Packing a folder');
    const packed = await archives.pack({ ...options, path: checkRelativePath(path), compression: 'none' });
    // Nobody here waits for the manifest; a stream that breaks tells its reader.
    packed.manifest.catch(() => undefined);
    return packed.stream;
  }

  /** Adds what a tar holds to a folder. One that is corrupt or leads out of it is `invalid` and changes nothing. */
  async unpackArchive(
    path: string,
    archive: ReadableStream<Bytes>,
    options: CallOptions & { readonly limits?: ArchiveLimits } = {},
  ): Promise<FsArchiveResponse> {
    const folder = checkRelativePath(path);
    const archives = inBox(this.#box.capabilities.archives, 'Unpacking into a folder');
    const report = await this.#changing([folder], () =>
      archives.unpack(archive, { ...options, path: folder, mode: 'merge' }),
    );
    const revision = await this.#record([folderChange(folder)]);
    return { files: report.files, sizeBytes: report.sizeBytes, revision };
  }

  /** @throws SandboxError what `watch` would: `unsupported`, `invalid` for the path, `not-found`. */
  async checkWatch(path: string, options: CallOptions = {}): Promise<void> {
    inBox(this.#box.capabilities.watch, 'Watching a folder');
    await this.#existing(checkRelativePath(path), 'Watching', options);
  }

  /**
   * Batches of changes below a path until the signal aborts. `resync` says that some were lost.
   *
   * @throws SandboxError `unsupported` where the box cannot watch, before the first batch.
   */
  watch(request: {
    readonly path: string;
    readonly recursive: boolean;
    readonly signal: AbortSignal;
  }): AsyncIterable<readonly FsWatchEvent[]> {
    const watch = inBox(this.#box.capabilities.watch, 'Watching a folder');
    return watchChanges(watch, { ...request, path: checkRelativePath(request.path) });
  }

  async #write(
    asked: string,
    content: Bytes | ReadableStream<Bytes>,
    options: WriteOptions,
  ): Promise<{ path: string; written: WrittenFile; revision: number }> {
    const path = checkRelativePath(asked);
    // With these two the outcome itself says whether the file was there before.
    const known = options.ifAbsent === true ? false : options.ifVersion === undefined ? null : true;
    const existed = known ?? (await this.#box.files.stat(path, options)) !== null;
    const written = await this.#changing([path], () => this.#box.files.write(path, content, options));
    const kind = existed ? 'modified' : 'created';
    const revision = await this.#record([{ path, kind, isDir: false, sizeBytes: written.sizeBytes }]);
    return { path, written, revision };
  }

  async #existing(path: string, doing: string, options: CallOptions): Promise<FileEntry> {
    const entry = await this.#box.files.stat(path, options);
    if (entry !== null) return entry;
    throw new SandboxError('not-found', `${doing} ${JSON.stringify(path)}: there is nothing of that name.`, {
      started: 'no',
    });
  }

  async #changing<T>(paths: readonly string[], change: () => Promise<T>): Promise<T> {
    const own = this.#recorder?.beginOwnChange(this.#journal.groupId, paths) ?? null;
    try {
      return await change();
    } finally {
      await own?.end(this.#box.files);
    }
  }

  async #record(changes: readonly FsChange[]): Promise<number> {
    try {
      return await this.#journal.record(changeEvents(changes, 'write'));
    } catch (cause) {
      throw new SandboxError(
        'outcome-unknown',
        'The files were changed, but nobody could be told of it. Look at the files; do not repeat the change.',
        { started: 'yes', stage: 'journal.record', cause },
      );
    }
  }
}

function inBox<Use>(capability: Capability<Use>, doing: string): Use {
  if (capability.available) return capability.use;
  throw new SandboxError('unsupported', `${doing} is not possible in this box: ${capability.reason}.`, {
    started: 'no',
  });
}
