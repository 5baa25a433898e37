import type { Bytes } from '../call-options.ts';

/** What was stored, as counted and digested while it was written. */
export interface StoredBlob {
  readonly sizeBytes: number;
  /** Hex SHA-256. */
  readonly sha256: string;
}

export interface ListedBlob {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

export interface BlobCall {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Keeps large immutable things: archives, recordings. A key is one or more segments of `[A-Za-z0-9._-]`
 * (none of them `.` or `..`, each at most 200 characters) joined by `/`; any other is `invalid`.
 */
export interface BlobStore {
  /** Appears whole or not at all, and survives a power cut once this resolves. An older blob is replaced. */
  put(key: string, content: ReadableStream<Bytes>, options?: BlobCall): Promise<StoredBlob>;
  /** Null when there is no such blob. */
  open(key: string, options?: BlobCall): Promise<ReadableStream<Bytes> | null>;
  /** Fine when there is none. */
  delete(key: string, options?: BlobCall): Promise<void>;
  /** Every blob whose key begins with `prefix`, in no order. */
  list(prefix: string, options?: BlobCall): AsyncIterable<ListedBlob>;
}
