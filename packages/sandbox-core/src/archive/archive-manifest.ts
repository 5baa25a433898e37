import type { FileKind } from '../box-files.ts';

/** One member as it was archived. */
export interface ManifestEntry {
  readonly path: string;
  readonly kind: FileKind;
  readonly mode: number;
  readonly sizeBytes: number;
  /** Hex SHA-256 of a file's bytes, or of a link's target. Absent for directories. */
  readonly sha256?: string;
  /** The file changed while it was read, twice: its bytes are of no single moment. */
  readonly torn?: true;
  /** Seen but not archived: it could not be read, or its name is no text. A restore lacks it. */
  readonly omitted?: true;
}

/** What an archive holds, computed in the same pass that wrote its bytes. Sorted by path. */
export interface ArchiveManifest {
  readonly version: 1;
  readonly entries: readonly ManifestEntry[];
}
