import type { ArchiveLimits } from './archive/archive-limits.ts';
import type { ArchiveManifest } from './archive/archive-manifest.ts';
import type { Bytes, CallOptions } from './call-options.ts';

export interface PackOptions extends CallOptions {
  /** The folder to pack, relative to the workspace root; the root when absent. */
  readonly path?: string | undefined;
  readonly compression?: 'none' | 'gzip' | undefined;
}

export interface PackedArchive {
  readonly stream: ReadableStream<Bytes>;
  /** Of the bytes that were really archived; settles when the stream has been read to its end. */
  readonly manifest: Promise<ArchiveManifest>;
}

export interface UnpackOptions extends CallOptions {
  readonly path?: string | undefined;
  /** `replace` removes what the archive does not hold; `merge` leaves it. */
  readonly mode: 'replace' | 'merge';
  readonly limits?: ArchiveLimits | undefined;
  /**
   * Links that lead out of the folder are kept as they are, as a virtualenv needs it. Only for archives that
   * we packed ourselves: they are never followed, but what runs in the box may follow them.
   */
  readonly allowOutwardLinks?: boolean | undefined;
}

export interface UnpackReport {
  readonly files: number;
  readonly sizeBytes: number;
  /** Computed from what was written, to be compared with the archive's own. */
  readonly manifest: ArchiveManifest;
}

/** The workspace as a tar with a manifest at its end. */
export interface BoxArchives {
  pack(options?: PackOptions): Promise<PackedArchive>;
  /**
   * The archive is read and judged whole beside the target before anything of it is replaced: a corrupt,
   * truncated or escaping one is `invalid` and leaves the workspace as it was. Gzip is recognised.
   */
  unpack(archive: ReadableStream<Bytes>, options: UnpackOptions): Promise<UnpackReport>;
}
