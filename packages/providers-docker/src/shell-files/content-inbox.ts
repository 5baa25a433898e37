import type { Bytes } from '@boxyard/sandbox-core';

export interface InboxPut {
  readonly content: AsyncIterable<Bytes>;
  /** Where it is known beforehand: the content then comes in one file, unless its sender is slow. */
  readonly sizeBytes: number | null;
  readonly mode: number;
  readonly signal: AbortSignal;
}

/** Names below the folder of staged files, to be joined in their order. */
export type InboxFiles = readonly [string, ...string[]];

/** A way for large content into the box, beside its workspace. */
export interface ContentInbox {
  /** `use` gets the files; it has to take them away, or `drop` them. */
  put<T>(put: InboxPut, use: (files: InboxFiles) => Promise<T>): Promise<T>;
  drop(files: readonly string[]): Promise<void>;
}
