// What is asked of a machine's files in the same words, whatever its agent knows: all of it below one folder.
import { type FsEntry, FsEntryKind } from '@boxyard/agent-proto/messages';
import {
  type CallOptions,
  checkRelativePath,
  type FileEntry,
  type FileKind,
  type FileRange,
  SandboxError,
} from '@boxyard/sandbox-core';
import type { OpFrames } from './control-rpc.ts';
import type { AskedOp, MachineCalls } from './machine-calls.ts';
import type { OpenHandle } from './open-handle.ts';

export interface MachineFilesOptions {
  readonly calls: MachineCalls;
  readonly frames: OpFrames;
  readonly handle: OpenHandle;
  /** Empty for the workspace, else an absolute path that the owner of the machine has allowed. */
  readonly root: string;
  readonly maxChunkBytes: () => number;
}

export abstract class RootedFiles<Options extends Omit<MachineFilesOptions, 'frames'>> {
  protected readonly options: Options;

  constructor(options: Options) {
    this.options = options;
  }

  stat(path: string, options?: CallOptions): Promise<FileEntry | null> {
    const what = `Looking at ${JSON.stringify(path)}`;
    return this.call(what, options, (signal) => this.look(path, what, signal));
  }

  remove(path: string, options: CallOptions & { readonly recursive?: boolean } = {}): Promise<void> {
    const { recursive = false } = options;
    return this.change(`Removing ${JSON.stringify(path)}`, options, () => ({
      case: 'fsRemove',
      value: { path: this.placeOf(path), recursive },
    }));
  }

  mkdir(path: string, options: CallOptions & { readonly recursive?: boolean } = {}): Promise<void> {
    const { recursive: parents = false } = options;
    return this.change(`Making the folder ${JSON.stringify(path)}`, options, () => ({
      case: 'fsMkdir',
      value: { path: this.placeOf(path), parents },
    }));
  }

  /** Where the machine finds it. @throws SandboxError `invalid` for a path that leads out by its words. */
  protected placeOf(path: string): string {
    const relative = checkRelativePath(path);
    const { root } = this.options;
    if (root === '') return relative;
    return relative === '' ? root : `${root.replace(/\/$/, '')}/${relative}`;
  }

  protected async look(path: string, what: string, signal: AbortSignal): Promise<FileEntry | null> {
    const op = { case: 'fsStat', value: { path: this.placeOf(path) } } as const;
    const { exists, entry } = await this.options.calls.ask(op, { what, signal });
    return exists && entry !== undefined ? entryOf(entry, checkRelativePath(path)) : null;
  }

  protected change(what: string, options: CallOptions, op: () => AskedOp): Promise<void> {
    return this.call(what, options, async (signal) => {
      await this.options.calls.ask(op(), { what, signal, changes: true, fence: options.fence });
    });
  }

  protected call<T>(
    what: string,
    options: CallOptions | undefined,
    run: (signal: AbortSignal, progress: () => void) => Promise<T>,
  ): Promise<T> {
    return this.options.handle.bounded(options, what, (signal, call) => run(signal, () => call.progress()));
  }
}

const KINDS: ReadonlyMap<FsEntryKind, FileKind> = new Map([
  [FsEntryKind.FILE, 'file'],
  [FsEntryKind.DIRECTORY, 'dir'],
  [FsEntryKind.SYMLINK, 'symlink'],
]);

/** An entry of the wire under the path by which it is known here. */
export function entryOf(entry: FsEntry, path: string): FileEntry {
  return {
    name: path === '' ? '' : path.slice(path.lastIndexOf('/') + 1),
    path,
    kind: KINDS.get(entry.kind) ?? 'other',
    sizeBytes: Number(entry.size),
    mode: entry.mode & 0o7777,
    modifiedAt: new Date(Number(entry.modifiedMs)),
    ...(entry.target === '' ? {} : { target: entry.target }),
  };
}

/** @throws SandboxError `invalid` */
export function checkRange(what: string, { offset = 0, length = 0 }: FileRange): void {
  const fits = (value: number) => Number.isSafeInteger(value) && value >= 0;
  if (fits(offset) && fits(length)) return;
  throw new SandboxError('invalid', `${what} was refused: a range is whole numbers from 0. Correct it.`, {
    started: 'no',
  });
}

export const tooLarge = (what: string, bytes: number, maxBytes: number) =>
  new SandboxError(
    'too-large',
    `${what}: it has ${bytes} bytes, more than the ${maxBytes} asked for. Read a range.`,
  );
