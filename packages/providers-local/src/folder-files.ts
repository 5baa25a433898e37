import { mkdir, rmdir } from 'node:fs/promises';
import {
  type AppendableFiles,
  type BoundedCall,
  type Bytes,
  bounded,
  type CallOptions,
  checkRelativePath,
  type FileEntry,
  type FileRange,
  type OpenedFile,
  SandboxError,
  type WriteOptions,
  type WrittenFile,
} from '@boxyard/sandbox-core';
import { fsErrorName, JailedFolder, sandboxErrorFromFs } from '@boxyard/sandbox-core/jailed-folder';
import { appendToFile } from './file-appending.ts';
import { entryAt, listFolder } from './file-entry.ts';
import { type HeldName, moveOver, moveToFreeName } from './file-moving.ts';
import { checkRange, DEFAULT_MAX_READ_BYTES, readRange, streamRange } from './file-reading.ts';
import { versionOf } from './file-version.ts';
import { writeFileAtomically } from './file-writing.ts';
import { removeTree } from './tree-removal.ts';

export interface FolderFilesOptions {
  /** Absolute path of the workspace folder. */
  readonly root: string;
}

/** The files of a folder on this machine, confined to it. */
export class FolderFiles implements AppendableFiles {
  readonly #jail: JailedFolder;

  constructor(options: FolderFilesOptions) {
    this.#jail = new JailedFolder(options);
  }

  async read(
    path: string,
    options: CallOptions & FileRange & { readonly maxBytes?: number } = {},
  ): Promise<Bytes> {
    const at = checkRelativePath(path);
    const range = checkRange(options);
    return call(options, 'Reading', at, async (signal) => {
      const handle = await this.#jail.openFile(at);
      try {
        return await readRange(handle, range, options.maxBytes ?? DEFAULT_MAX_READ_BYTES, signal);
      } finally {
        await handle.close();
      }
    });
  }

  async open(path: string, options: CallOptions & FileRange = {}): Promise<OpenedFile> {
    const at = checkRelativePath(path);
    const range = checkRange(options);
    return call(options, 'Opening', at, async (signal) => {
      const handle = await this.#jail.openFile(at);
      try {
        const opened = await streamRange(handle, range, { opening: signal, reading: options.signal });
        // Its caller has gone: nobody would ever close it.
        if (signal.aborted) await opened.stream.cancel();
        return opened;
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  async write(
    path: string,
    content: Bytes | ReadableStream<Bytes>,
    options: WriteOptions = {},
  ): Promise<WrittenFile> {
    try {
      const at = checkRelativePath(path);
      checkMode(options.mode);
      return await call(options, 'Writing', at, (signal, { progress }) =>
        this.#jail.withName(
          at,
          (folder, name) => writeFileAtomically(folder, name, content, options, { signal, progress }),
          { make: options.createParents, followLast: options.ifAbsent !== true },
        ),
      );
    } catch (error) {
      // Whoever feeds the stream learns that nobody takes more of it.
      if (content instanceof ReadableStream && !content.locked) content.cancel(error).catch(() => undefined);
      throw error;
    }
  }

  async append(
    path: string,
    content: Bytes,
    options: CallOptions & Pick<WriteOptions, 'mode' | 'createParents'> = {},
  ): Promise<WrittenFile> {
    const at = checkRelativePath(path);
    checkMode(options.mode);
    return call(options, 'Adding to', at, (signal) =>
      this.#jail.withName(at, (folder, name) => appendToFile(folder, name, content, options, signal), {
        make: options.createParents,
        followLast: true,
      }),
    );
  }

  async version(path: string, options: CallOptions = {}): Promise<string | null> {
    const at = checkRelativePath(path);
    return call(options, 'Reading the version of', at, async (signal) => {
      const handle = await this.#jail.openFile(at).catch(nullWhenAbsent);
      if (handle === null) return null;
      try {
        return await versionOf(handle, signal);
      } finally {
        await handle.close();
      }
    });
  }

  async stat(path: string, options: CallOptions = {}): Promise<FileEntry | null> {
    const at = checkRelativePath(path);
    return call(options, 'Looking at', at, () =>
      at === ''
        ? this.#jail.withFolder('', (folder) => entryAt(`${folder.self}/.`, ''))
        : this.#jail.withName(at, (folder, name) => entryAt(folder.at(name), at)).catch(nullWhenAbsent),
    );
  }

  async list(path: string, options: CallOptions = {}): Promise<readonly FileEntry[]> {
    const at = checkRelativePath(path);
    return call(options, 'Listing', at, (signal) =>
      this.#jail.withFolder(at, (folder) => listFolder(folder, at, signal), { followLast: false }),
    );
  }

  async move(
    from: string,
    to: string,
    options: CallOptions & { readonly overwrite?: boolean; readonly createParents?: boolean } = {},
  ): Promise<void> {
    const source = checkRelativePath(from);
    const target = checkRelativePath(to);
    if (target.startsWith(`${source}/`)) {
      throw new SandboxError(
        'invalid',
        `Moving ${JSON.stringify(source)} is refused: it cannot go into itself. Choose another target.`,
        { started: 'no' },
      );
    }
    const place = options.overwrite === true ? moveOver : moveToFreeName;
    await call(options, 'Moving', source, () =>
      this.#jail.withName(source, async (folder, name) => {
        const held: HeldName = { folder, name };
        // Before parents are made for it.
        if ((await entryAt(folder.at(name), source)) === null) throw nothingAt(source);
        await this.#jail.withName(target, (into, newName) => place(held, { folder: into, name: newName }), {
          make: options.createParents,
        });
      }),
    );
  }

  async remove(path: string, options: CallOptions & { readonly recursive?: boolean } = {}): Promise<void> {
    const at = checkRelativePath(path);
    await call(options, 'Removing', at, (signal) =>
      this.#jail.withName(at, async (folder, name) => {
        const entry = await entryAt(folder.at(name), at);
        if (entry === null) throw nothingAt(at);
        if (entry.kind !== 'dir' || options.recursive === true) await removeTree(folder, name, signal);
        else await rmdir(folder.at(name));
      }),
    );
  }

  async mkdir(path: string, options: CallOptions & { readonly recursive?: boolean } = {}): Promise<void> {
    const at = checkRelativePath(path);
    await call(options, 'Making the folder', at, async () => {
      if (options.recursive === true) {
        await this.#jail
          .withFolder(at, async () => undefined, { make: true })
          .catch(async (error) => {
            if (!SandboxError.hasCode(error, 'invalid')) throw error;
            const taken = await this.#jail
              .withName(at, (folder, name) => entryAt(folder.at(name), at))
              .catch(() => null);
            throw taken === null ? error : nameTaken(at, error);
          });
        return;
      }
      if (at === '') throw nameTaken(at);
      await this.#jail.withName(at, (folder, name) => mkdir(folder.at(name)));
    });
  }
}

function call<T>(
  options: CallOptions,
  doing: string,
  path: string,
  run: (signal: AbortSignal, call: BoundedCall) => Promise<T>,
): Promise<T> {
  const what = `${doing} ${JSON.stringify(path)}`;
  return bounded(options, what, (signal, bound) =>
    run(signal, bound).catch((error) => {
      // A tree may be half removed; everything else here is one step, or only looks.
      throw sandboxErrorFromFs(error, what, doing === 'Removing' ? undefined : 'no');
    }),
  );
}

function nullWhenAbsent(error: unknown): null {
  if (!SandboxError.isInstance(error)) {
    if (fsErrorName(error) === 'ENOENT') return null;
    throw error;
  }
  // Below a file there is nothing either. A workspace that is gone is no answer about what it holds.
  if (error.code === 'not-found') return null;
  if (error.code === 'invalid' && fsErrorName(error.cause) === 'ENOTDIR') return null;
  throw error;
}

function checkMode(mode: number | undefined): void {
  if (mode === undefined || (Number.isInteger(mode) && mode >= 0 && mode <= 0o7777)) return;
  throw new SandboxError('invalid', `The mode ${mode} is refused. Give permission bits from 0 to 0o7777.`, {
    started: 'no',
  });
}

function nothingAt(path: string): SandboxError {
  return new SandboxError('not-found', `Nothing is at ${JSON.stringify(path)}. List its folder.`, {
    started: 'no',
  });
}

function nameTaken(path: string, cause?: unknown): SandboxError {
  return new SandboxError(
    'conflict',
    `Making the folder ${JSON.stringify(path)} is refused: the name exists already. Choose another.`,
    { started: 'no', cause },
  );
}
