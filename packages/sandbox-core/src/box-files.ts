import type { Bytes, CallOptions } from './call-options.ts';

export type FileKind = 'file' | 'dir' | 'symlink' | 'other';

/** One name in the workspace. A link is described, never followed. */
export interface FileEntry {
  readonly name: string;
  /** Relative to the workspace root, with `/`; the root itself is the empty string. */
  readonly path: string;
  readonly kind: FileKind;
  readonly sizeBytes: number;
  /** Permission bits only (`0o7777`). */
  readonly mode: number;
  readonly modifiedAt: Date;
  /** Where a link says it leads. */
  readonly target?: string;
}

export interface OpenedFile {
  readonly stream: ReadableStream<Bytes>;
  /** See `BoxFiles.version`; of exactly the bytes that the stream delivers. */
  readonly version: string;
  /** Of the whole file, not of the range. */
  readonly sizeBytes: number;
}

export interface FileRange {
  readonly offset?: number | undefined;
  readonly length?: number | undefined;
}

export interface WriteOptions extends CallOptions {
  /** Permission bits of a new file (0o644 when absent); an existing file keeps its own unless given. */
  readonly mode?: number | undefined;
  readonly createParents?: boolean | undefined;
  /** Refused with `conflict` when the name exists already; decided atomically. */
  readonly ifAbsent?: boolean | undefined;
  /** Refused with `precondition-failed` unless the present version is this one. */
  readonly ifVersion?: string | undefined;
  /** Hex SHA-256 of the content; a difference is refused with `invalid` and leaves the old file in place. */
  readonly expectedSha256?: string | undefined;
  /**
   * How long a stream is, where that is sure beforehand: a box may take it in fewer steps then. A hint: a box may
   * refuse content of another length with `invalid`, and then nothing is replaced.
   */
  readonly sizeBytes?: number | undefined;
}

export interface WrittenFile {
  readonly sizeBytes: number;
  readonly version: string;
}

/**
 * Files of the workspace. Paths are relative to its root and confined by where they really lead: an absolute
 * path, `..` or NUL is `invalid`; a link that leaves the workspace is never followed (`denied`).
 * Links inside are followed, except by `stat`, `list`, `remove` and `move`, which act on the link itself.
 */
export interface BoxFiles {
  /** The whole file or a range, from one descriptor, so an atomic writer in between cannot tear it. */
  read(path: string, options?: CallOptions & FileRange & { readonly maxBytes?: number }): Promise<Bytes>;
  open(path: string, options?: CallOptions & FileRange): Promise<OpenedFile>;
  /** Atomic: a temporary sibling, then a rename. A directory at the name is `invalid`. */
  write(path: string, content: Bytes | ReadableStream<Bytes>, options?: WriteOptions): Promise<WrittenFile>;
  /** `sha256-<hex>` up to 8 MiB, `st-<mtimeNs>-<size>-<inode>` above; null when there is no such file. */
  version(path: string, options?: CallOptions): Promise<string | null>;
  /** Null when there is nothing of that name. */
  stat(path: string, options?: CallOptions): Promise<FileEntry | null>;
  /** The entries of one directory, unsorted. `not-found` when absent, `invalid` when it is no directory. */
  list(path: string, options?: CallOptions): Promise<readonly FileEntry[]>;
  /** `conflict` when the target exists, unless `overwrite`. */
  move(
    from: string,
    to: string,
    options?: CallOptions & { readonly overwrite?: boolean; readonly createParents?: boolean },
  ): Promise<void>;
  /** `not-found` when absent; a directory with content needs `recursive`, else `invalid`. The root is `invalid`. */
  remove(path: string, options?: CallOptions & { readonly recursive?: boolean }): Promise<void>;
  /** With `recursive` parents are made and an existing directory is fine; else that is `conflict`. */
  mkdir(path: string, options?: CallOptions & { readonly recursive?: boolean }): Promise<void>;
}

/**
 * Files that can also be added to where they lie. Where a box has no more than `BoxFiles`, whoever adds writes the whole
 * file anew.
 */
export interface AppendableFiles extends BoxFiles {
  /**
   * Adds to the end of a file, and makes it when there is none; `mode` counts only then. Not atomic: after a crash a
   * part may be there. What fails otherwise leaves the file as it was.
   */
  append(
    path: string,
    content: Bytes,
    options?: CallOptions & Pick<WriteOptions, 'mode' | 'createParents'>,
  ): Promise<WrittenFile>;
}
