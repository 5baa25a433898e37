import type { FileKind } from '../box-files.ts';
import type { Bytes } from '../call-options.ts';

/** A file as it is being read, from one descriptor. */
export interface FileReading {
  /** As it was when it was opened; no more than this is read. */
  readonly sizeBytes: number;
  readonly mode: number;
  readonly mtimeNs: bigint;
  /** The next bytes; null at the end, which comes early when the file has shrunk. */
  next(): Promise<Bytes | null>;
  /** Whether it was changed since it was opened. */
  changed(): Promise<boolean>;
  close(): Promise<void>;
}

/** Something to be packed, at a path relative to the archive's root; folders come before what they hold. */
export type ArchiveItem =
  | { readonly kind: 'dir'; readonly path: string; readonly mode: number; readonly mtimeNs: bigint }
  | { readonly kind: 'symlink'; readonly path: string; readonly mtimeNs: bigint; readonly target: string }
  | {
      readonly kind: 'file';
      readonly path: string;
      /** Called once more when the file changed meanwhile. */
      open(): Promise<FileReading | 'gone' | 'unreadable'>;
    }
  /** Recorded without content: a socket, a FIFO, a device, or what cannot be read. */
  | { readonly kind: 'skipped'; readonly path: string; readonly was: FileKind; readonly mode: number };
